"""What is written beside every change and never undone: the audit trail, message histories, what a state was told, what is held."""
