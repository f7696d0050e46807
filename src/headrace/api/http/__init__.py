"""HTTP: request bodies, uploads, downloads and path checks."""
