"""The life of rulebooks as they are stored."""
