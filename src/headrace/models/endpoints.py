"""The operator's addresses of model servers, by the names of the variables that the providers' own clients read."""

MODEL_ENDPOINTS = ("OPENAI_BASE_URL", "OPENAI_API_BASE", "ANTHROPIC_BASE_URL", "OLLAMA_BASE_URL")
