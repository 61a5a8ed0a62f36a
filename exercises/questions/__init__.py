"""Exercises of questions: an answer sheet that is read, never run, and answers that say why the others are wrong."""
