"""Who calls: their keys, and the feeds they keep alive."""
