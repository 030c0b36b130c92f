"""n-gram models: counts of short runs of tokens, smoothed (interpolated modified Kneser–Ney). No torch."""
