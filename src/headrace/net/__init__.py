"""Outbound network access: the egress guard and the crawler."""
