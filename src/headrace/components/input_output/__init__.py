"""Components for the input and output of a flow."""
