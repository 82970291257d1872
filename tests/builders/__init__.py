"""Builders for the tests: messages with ordinary values, any of which can be given."""
