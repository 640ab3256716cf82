"""Messages on their way: lanes leased to a worker, tries begun and settled, rates kept."""
