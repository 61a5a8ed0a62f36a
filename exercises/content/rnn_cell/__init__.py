"""B1: one step of a plain recurrent network."""
