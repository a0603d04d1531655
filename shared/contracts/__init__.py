"""What crosses a process: bodies and events, one file per service."""
