"""The revisions, one file each, by number."""
