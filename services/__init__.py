"""The processes: thin shells around the rules."""
