"""The field's nouns, frozen: release, decision, message, identifiers; no I/O."""
