"""The fault laboratory: both services over topics in memory, broken on purpose, step by step."""
