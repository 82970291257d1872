"""Listings as files: what one shall be, what it is, and the steps between."""
