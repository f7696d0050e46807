"""Limits that divide the resources of a process among its users."""
