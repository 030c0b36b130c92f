"""One folder, one family of models."""
