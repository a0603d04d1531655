"""The whole platform on one machine: real servers and the services as child processes.

`supermq up` starts PostgreSQL, Valkey and nats-server from the programs that come with Python
wheels, then the services, and keeps all data in one folder. It owns processes and that folder; it
knows nothing of what the services do. `servers.py` also serves the tests, without the services.
"""
