"""How fast the platform is, measured from outside on the real thing."""
