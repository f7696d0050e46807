"""headrace: an open server and runtime for LLM flows that speaks the Langflow 1.7 API."""

__version__ = "0.1.0"
