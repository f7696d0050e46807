"""Prompts, models and what they remember."""
