"""The composition root: programs built from their settings, and kept running; no command of the command line is here."""
