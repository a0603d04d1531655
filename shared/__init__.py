"""What every service stands on: settings, errors, HTTP, PostgreSQL, events, clients.

Split by purpose; knows no service. Services meet through `contracts` and `clients` alone.
"""
