"""HTTP in and out, by resource."""
