"""What all tests share: how hypothesis works here."""

from hypothesis import settings

# No time limit for one example: the machine may be busy, and slow is not wrong.
settings.register_profile("databourse", deadline=None, print_blob=True)
settings.load_profile("databourse")
