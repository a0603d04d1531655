"""The services, each a process and a database of its own; they meet only over the network."""
