"""Commands of those who run LENS or work with what waits: they look into the store, or change it."""
