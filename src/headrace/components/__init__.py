"""The component library: one folder for each category, one file for each component."""
