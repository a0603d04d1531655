"""Types of users and what can be wrong with them, one module per resource; no I/O."""
