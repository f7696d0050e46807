"""Components that LangChain names."""
