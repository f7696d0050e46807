"""What models do with texts and tables."""
