"""Warm-up: one neuron and its chain rule."""
