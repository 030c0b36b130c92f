"""Several trained models as one: their probabilities, mixed."""
