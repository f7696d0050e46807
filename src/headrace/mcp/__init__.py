"""The Model Context Protocol: client connections to MCP servers."""
