"""Certs: the certificate authority of things.

Owns the certificates it has signed and what became of them: renewed, revoked, expired. Tells peers
so by revocation list and OCSP. Owns no thing, and keeps no private key but the authority's own.
"""
