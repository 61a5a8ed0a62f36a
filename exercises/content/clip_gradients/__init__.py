"""B3: clip gradients by their global norm."""
