"""What every request goes through before an endpoint sees it: who calls, limits, bodies, filters, and how faults are answered."""
