"""Exercise: from one sequence to another, with an encoder and a decoder."""
