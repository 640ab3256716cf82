"""Which rulebook decides: from the folder or the store, drafted, approved, published, followed and put in force."""
