"""Bonus 1: reading in both directions."""
