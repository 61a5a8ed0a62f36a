"""C5: transformers and recurrent networks."""
