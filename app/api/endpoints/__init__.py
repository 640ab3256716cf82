"""The endpoints, one file a subject; each calls intake, publishing or the store, and decides nothing itself."""
