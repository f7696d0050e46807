"""Developer scripts: checks and generators that `make lint` and `make docs` run. Not part of the package."""
