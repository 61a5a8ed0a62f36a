"""A1: the equations of a plain recurrent network."""
