"""The processes: thin shells around the rules."""

__version__ = "0.1.0"
