"""Training a language model on a text: the loop, its settings, its history and its checkpoints."""
