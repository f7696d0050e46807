"""Components that convert text, data and tables."""
