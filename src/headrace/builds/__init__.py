"""Builds: runs whose events an editor follows."""
