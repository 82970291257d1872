"""The audit trace: tree, checkpoints, verification."""
