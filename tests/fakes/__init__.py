"""Small honest stand-ins, each held to the same tests as what it stands for."""
