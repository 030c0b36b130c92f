"""Look into a trained model: what it attends to, and what follows what in a model of counts."""
