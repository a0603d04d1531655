"""PostgreSQL, by what is kept."""
