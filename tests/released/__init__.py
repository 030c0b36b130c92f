"""Runs that each released version has written; they open for ever."""
