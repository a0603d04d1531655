"""Owns things (device identities with a secret), channels (groups in which connected things talk),
the connections between them, and who else may use them (shares); answers which thing a secret
belongs to and whether it may talk in a channel. Does not know users beyond their ids, nor what
gateways fetch (bootstrap) or how they are set up (provision).
"""
