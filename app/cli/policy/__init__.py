"""Commands of those who write and test rules; most need no database."""
