"""A stand-in for the network, for trying out and for tests."""
