"""Grading: a file climbs a ladder of rungs, and the first broken rung is explained."""
