"""Looks across runs and corpora: what a loss is compared with."""
