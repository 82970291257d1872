"""The databases behind the edge: files of a data folder, or a venue's schema in PostgreSQL.

What is asked and done in them is written once, in `services.gateway`; here is what differs.
"""
