"""A rulebook as one file that can be signed and verified, and the life of its versions."""
