"""The lab's screens and dialogs."""
