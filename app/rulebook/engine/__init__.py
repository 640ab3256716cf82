"""durable_rules behind its one door, the representative cases it decides, and the verdicts that are looked up ever after."""
