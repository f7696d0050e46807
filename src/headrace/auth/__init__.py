"""Authentication: passwords, tokens, API keys and rate limits."""
