"""Past runs and their checkpoints: which are known, what they say of themselves, what can be done with them."""
