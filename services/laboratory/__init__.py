"""Experiments in files and processes: what the simulation itself keeps away from."""
