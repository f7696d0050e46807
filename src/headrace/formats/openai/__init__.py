"""Runs in the formats of the OpenAI API: responses, chat completions, errors."""
