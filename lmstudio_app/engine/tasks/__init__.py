"""One file, one task."""
