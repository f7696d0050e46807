"""Background jobs: runs that are accepted first and executed later."""
