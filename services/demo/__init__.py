"""The demo: a market on real tables, with simple traders that speak to it over HTTP as anyone
would.
"""
