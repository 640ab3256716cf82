"""The command `lens`: one file a group of commands, and what they print."""
