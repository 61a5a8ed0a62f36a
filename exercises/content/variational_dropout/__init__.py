"""Day 14, exercise 5: variational dropout."""
