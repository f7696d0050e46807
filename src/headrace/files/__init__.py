"""Where bytes are kept: a folder or S3, and the shelf that keeps them with their rows."""
