"""The rules of things, channels and connections."""
