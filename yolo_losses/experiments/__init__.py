"""Experiments of the papers that need no trained network."""
