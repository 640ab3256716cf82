"""The files of a rulebook as trees of text with their places, and how faults in them are shown; what the words mean is not known here."""
