"""What can be wrong with a rulebook, and its words; nothing here reads a file."""
