"""Package data: the component sources that Langflow 1.0 to 1.13 shipped, by hash, and the classes of version 1.7."""
