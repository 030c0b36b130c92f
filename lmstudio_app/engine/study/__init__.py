"""Looks across runs, corpora and the machine: what a loss is compared with, how quick everything is."""
