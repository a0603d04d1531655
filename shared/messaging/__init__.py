"""Device messages over NATS: their subjects, their headers, and the keys that let devices in."""
