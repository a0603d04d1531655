"""Provision: one call sets up a gateway across things and bootstrap, or leaves nothing behind.

Owns the layouts (what a gateway needs, from a TOML file) and the journal of mappings (what was set
up for which gateway). Owns no thing, channel or config: it asks the services that do.
"""
