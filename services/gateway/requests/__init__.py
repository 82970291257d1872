"""Request bodies, and how each becomes a command: the only place where HTTP turns into the
language.
"""
