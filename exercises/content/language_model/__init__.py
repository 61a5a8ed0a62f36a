"""Day 14, exercise 2: a model of text, trained, measured and sampled fairly."""
