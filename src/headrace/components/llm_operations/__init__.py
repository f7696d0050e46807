"""Components that process text and tables with a model."""
