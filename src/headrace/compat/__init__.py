"""The names that components written for Langflow import, answered with the project's own objects."""
