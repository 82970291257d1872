"""Immutable messages: the language of the exchange."""
