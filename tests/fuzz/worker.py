"""The process that makes the calls: it may crash or hang, and the one that watches it then knows in which call.

    python worker.py SEED FIRST END AREA

For every call it writes "begin NUMBER NAME", and then either nothing or what went wrong.
"""

from __future__ import annotations

import os
import random
import resource
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "agg")
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from calls import EXPECTED, Call, Unmakeable, functions

#: What a call may take, so that what a size leads to does not depend on the machine.
MEMORY = 6 * 2**30


def main(seed: int, first: int, end: int, area: str) -> None:
    out = os.fdopen(os.dup(1), "w", buffering=1)  # the calls' own output goes nowhere
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    warnings.simplefilter("ignore")
    if "asan" not in os.environ.get("LD_PRELOAD", ""):  # which maps far more than it uses
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    subjects = functions(area or None)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for number in range(first, end):
            random.seed(number)
            call = Call(seed, number, subjects, Path(folder))
            out.write(f"begin {number} {call.public.name}\n")
            try:
                with np.errstate(all="ignore"):
                    call.make()
            except (*EXPECTED, Unmakeable):
                pass
            except BaseException as error:
                own = [f for f in traceback.extract_tb(error.__traceback__) if "lstm_ext" in f.filename]
                place = f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else "tests"
                out.write(f"wrong {type(error).__name__} at {place}: {str(error)[:150]!r}\n")
                if end == first + 1:
                    traceback.print_exc()
            for entry in os.scandir(folder):
                if entry.name.startswith("new") and entry.is_file():
                    os.unlink(entry.path)
    out.write("end\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
