"""The terminal side of lstm-lab: the command line and the Textual app."""
