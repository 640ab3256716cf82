"""Moving a store, and going on with one that was restored."""
