"""The component library: a folder a category, a file a component."""
