"""Looking after a data folder: rebuilding, backing up and restoring, checking."""
