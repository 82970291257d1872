"""Calling the HTTP interface from the command line, over the network or inside this process."""
