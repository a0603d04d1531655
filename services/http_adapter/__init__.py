"""Device messages that come over HTTP.

Owns nothing: things decides who may publish, NATS carries the message, and what is remembered of
things' decisions goes when they change.
"""
