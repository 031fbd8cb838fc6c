"""Measurements whose figures are committed in docs/, one module a subject."""
