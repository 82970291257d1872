"""Logs and the loops that drive the rules."""
