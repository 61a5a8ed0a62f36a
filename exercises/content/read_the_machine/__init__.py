"""Exercise: find out what single units of a trained network do."""
