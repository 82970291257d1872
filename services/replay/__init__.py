"""Recorded auctions and recorded usage, run through the rules of the exchange in virtual time."""
