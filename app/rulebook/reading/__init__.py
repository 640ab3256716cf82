"""From files to content: every name resolved and every fault told with its place; nothing is proved here."""
