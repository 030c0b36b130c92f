"""Atomic files and folders, locks, names."""
