"""Voice: people talk to a flow."""
