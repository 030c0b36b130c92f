"""Look into a trained model: what it attends to."""
