"""The composed platform, as its guides show it to a newcomer: the main jobs only."""
