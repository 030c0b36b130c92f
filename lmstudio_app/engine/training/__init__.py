"""The only training loop, and what it trains with."""
