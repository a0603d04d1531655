"""PostgreSQL: connections, migrations, and the outbox of events."""
