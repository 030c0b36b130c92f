"""From text to tokens on disk to batches: reading, cleaning, splitting, tokenizing. Imports no torch."""
