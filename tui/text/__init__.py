"""Numbers, bars and walks as plain text, for the command line and the app alike."""
