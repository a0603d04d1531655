"""Bootstrap: what a gateway fetches on its first start with the id and key on its label.

Owns the configs (which thing a gateway is, its channels, content and certificates) and their state.
Owns no thing and no channel: it keeps copies of what a gateway needs and follows things' events.
"""
