"""LENS: tells a state when a person with a qualifying conviction leaves ICE custody.

The rooms, in the order in which data flows, stand in README.md ("A map of the house"); `tests/test_layers.py` keeps it.
"""
