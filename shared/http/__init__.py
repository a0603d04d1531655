"""The HTTP edge, the same for every service: who calls, what they sent, how it is answered."""
