"""`supermq-cli`: the platform from a terminal.

A client like any other: it speaks the wire contracts through the typed clients of `shared.clients`
and imports no service. What takes long to import (aiohttp, rich) is imported by the command that
needs it, so that `--help` and completion answer at once.
"""
