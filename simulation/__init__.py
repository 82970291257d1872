"""Experiments on the same rules under a virtual clock."""
