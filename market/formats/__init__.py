"""Auction formats, one module each; `market.auction` says what a format is and holds their
table.
"""
