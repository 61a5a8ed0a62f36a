"""C3: why the forget bias is positive at the start."""
