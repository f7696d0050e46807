"""Models of OpenAI and of OpenAI-compatible servers."""
