"""Events over NATS JetStream: out of the outbox, and into durable consumers."""
