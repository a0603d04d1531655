"""The services, each a process and a database of its own; they meet only over the network."""

import shared.lean  # noqa: F401 - before anything imports what it makes lean
