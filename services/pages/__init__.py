"""The web pages: thin over the HTTP interface, which they call like anyone else."""
