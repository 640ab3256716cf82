"""The policy files: read with positions, checked as a whole, evaluated; the rules engine behind one door."""
