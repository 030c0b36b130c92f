"""Torch parts that two or more families share. Shapes: B batch, T positions, D width, H heads, V vocabulary."""
