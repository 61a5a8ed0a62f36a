"""Exercise 2: what the gates of a trained net do."""
