"""The SQL of users."""
