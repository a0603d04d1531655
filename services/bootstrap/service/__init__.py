"""The rules: for gateways, for owners, for mappings, and for what happens in things."""
