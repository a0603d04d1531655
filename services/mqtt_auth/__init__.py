"""Lets devices into the message broker, and puts them out again.

Owns no data: the broker asks it about every login (MQTT, MQTT over WebSocket, NATS), things tells
it which channels a device may use, and things' events tell it whom to put out. Who is connected at
present is kept in memory, as the broker tells it.
"""
