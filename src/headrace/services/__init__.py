"""Rules shared by the API, MCP and the command line."""
