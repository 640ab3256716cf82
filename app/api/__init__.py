"""The HTTP API: requests in, answers out; it decides nothing itself."""
