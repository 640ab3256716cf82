"""LENS: tells a state when a person with a qualifying conviction leaves ICE custody.

The rooms, in the order data flows (a room imports only itself and those to its left; `tests/test_layers.py` keeps it):

    errors <- domain <- rulebook <- decide <- store <- {intake | dispatch} <- {api | simulator | cli}
"""
