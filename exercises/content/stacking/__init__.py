"""Bonus 4: layers on top of each other."""
