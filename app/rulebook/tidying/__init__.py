"""The layout of a rulebook's files (`lens fmt`); words and comments stay as they are."""
