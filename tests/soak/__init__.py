"""Hours of bad luck: what users, hosts and signals do to a run, in rounds. `make soak`; no part of pytest.

One file per kind of trouble, each with a function ``round(folder, rng)``: it raises AssertionError where something was
lost, and returns what the figures should mention beside the number of rounds, or "".
"""
