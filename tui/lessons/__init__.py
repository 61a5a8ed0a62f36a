"""Lessons: what was done and shown in the lab, as a log that any terminal replays; some ship with it."""
