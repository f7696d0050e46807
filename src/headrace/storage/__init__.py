"""Where the bytes of files are stored: a local folder or S3."""
