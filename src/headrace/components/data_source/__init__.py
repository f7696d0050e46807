"""Components that read data from external sources, such as the web."""
