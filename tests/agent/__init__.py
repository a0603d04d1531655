"""A stand-in for the Agent that runs on a gateway."""
