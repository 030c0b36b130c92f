"""LMStudio App: train a small language model on your own text, then open it up."""

__version__ = "0.1.0"
