"""Things, channels, connections and sets in PostgreSQL; driver errors end here."""
