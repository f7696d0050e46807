"""Which way a flow goes."""
