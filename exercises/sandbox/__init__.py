"""Running a learner's file in a process of its own, with limits on all that it can do."""
