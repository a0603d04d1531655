"""A typed HTTP client per service, speaking `shared.contracts`."""
