"""Components that control the course of a flow: conditions, loops and other flows."""
