"""What `lens check` proves over every possible case; nothing here reads a file."""
