"""C2: what each gate does."""
