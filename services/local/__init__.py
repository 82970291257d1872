"""Real servers on this machine, for people and tests: started detached, found again, stopped."""
