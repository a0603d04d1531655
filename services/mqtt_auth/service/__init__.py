"""The rules: who is let in, who is put out, who is there."""
