"""A rulebook's own tests: its scenarios run, their coverage, mutation, replay of recorded releases, and the reports of all of them."""
