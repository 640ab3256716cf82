"""What the words of a rulebook mean: its model, its grammar, one day's view of it, and the plain evaluator; nothing here reads a file."""
