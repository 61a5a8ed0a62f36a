"""A4: when gradients vanish or explode."""
