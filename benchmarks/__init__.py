"""The figures of the design: `make bench`."""
