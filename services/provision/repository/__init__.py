"""The journal of mappings in PostgreSQL."""
