"""Stored messages put on the wire in order, and what the network says back."""
