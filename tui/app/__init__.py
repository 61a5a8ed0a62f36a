"""The lab: a Textual app."""
