"""Tests of MCP servers and their clients."""
