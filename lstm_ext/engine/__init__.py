"""What computes: one interface, the C core and its NumPy twin behind it, and the settings that both read."""
