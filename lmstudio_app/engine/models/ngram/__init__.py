"""n-gram models: counts of short runs of tokens, smoothed (modified Kneser–Ney) or not (a Markov chain). No torch."""
