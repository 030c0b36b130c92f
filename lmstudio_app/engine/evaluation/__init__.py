"""How well a model foretells a text."""
