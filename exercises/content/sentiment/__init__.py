"""Bonus 5, a real task: reviews, good or bad, with padding that must not count."""
