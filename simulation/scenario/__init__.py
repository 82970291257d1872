"""Scenarios: what a simulated market is made of, checked, and the kernel made of it."""
