"""Texts, records and tables, one made of another."""
