"""Verifiable credentials: the keys they are signed with, their form, their status, their check."""
