"""Engines alone: the same chain in headrace, LangGraph and Haystack, each run as a program of its own."""
