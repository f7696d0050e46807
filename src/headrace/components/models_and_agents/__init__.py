"""Prompts, models, agents, tools and message history."""
