"""What the stand-in for the Agent accepts and refuses."""
