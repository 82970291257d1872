"""Webhooks: what a party wants to be told of is posted to an address of its own."""
