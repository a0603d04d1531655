"""From TOML text to layouts: one way of reading, for the start, the reload and the linter."""
