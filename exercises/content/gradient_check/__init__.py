"""Warm-up: a gradient check of one's own."""
