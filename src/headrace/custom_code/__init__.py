"""Custom code: approval, loading and execution of code that comes with flows."""
