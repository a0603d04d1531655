"""What is special about containers: how one is started, how it is seen to live, its secrets."""
