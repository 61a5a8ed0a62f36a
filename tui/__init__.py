"""The terminal side of lstm-lab: the command line and the Textual app."""

import os
import sys

# `python -m lstm_lab` would look into the current folder first, where somebody's json.py may lie; `lstm-lab` does not.
if sys.argv[0] == "-m" and not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
    here = sys.path.pop(0)
    if here == os.path.dirname(os.path.dirname(__file__)):  # the folder that the package itself comes from
        sys.path.append(here)
    del here
