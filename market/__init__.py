"""The rules of the exchange: pure deciders."""
