"""What changes between two rulebooks, over every possible case and in their files."""
