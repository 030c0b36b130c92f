"""Text from a model's expectations: sampling and streaming, in numpy; no torch."""
