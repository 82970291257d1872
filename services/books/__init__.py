"""The books as others may see them: statements, trial balance, export to plain-text accounting."""
