"""Generators of the reference in the documentation: `make docs` writes their results between the markers of each page."""
