"""Runs and models in the shapes of other places: a job for a cluster."""
