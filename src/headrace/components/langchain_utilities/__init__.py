"""Components named after LangChain concepts."""
