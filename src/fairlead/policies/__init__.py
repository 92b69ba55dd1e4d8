"""Predictions in, a choice out."""
