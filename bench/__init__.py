"""Benchmarks: each prints its figure beside a bare loop of the same work, run in the same
process.
"""
