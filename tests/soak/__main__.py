"""``python -m soak [--rounds N] [--seed S] [NAME …]``: N rounds of each kind of trouble, and the figures."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from importlib import import_module
from pathlib import Path

TROUBLES = {
    "kills": "SIGKILL at random moments, resumed, command line",
    "library_kills": "SIGKILL at random moments, resumed, library",
    "signals": "INT, TERM, HUP, TSTP and CONT in every order, command line",
    "library_signals": "Ctrl-C again and again, library",
    "lab": "KILL, TERM, HUP, INT, hang-up and a stuck terminal, lab",
    "full_disk": "the disk is full for a while",
    "read_only": "the folder is read-only for a while",
    "descriptors": "few file descriptors",
    "memory": "little memory",
    "streams": "streams that are closed or full",
    "stuck_reader": "a pipe that nobody reads",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(TROUBLES)} (default: all)")
    parser.add_argument("--rounds", type=int, default=100, help="of each (default: 100)")
    parser.add_argument("--seed", type=int, default=0, help="of the first round; the others count on (default: 0)")
    arguments = parser.parse_args()
    failures = 0
    for name in arguments.names or TROUBLES:
        module, seen, failed, begin = import_module(f"soak.{name}"), Counter[str](), 0, time.monotonic()
        for seed in range(arguments.seed, arguments.seed + arguments.rounds):
            with tempfile.TemporaryDirectory(prefix="soak-") as folder:
                try:
                    seen[module.round(Path(folder), random.Random(f"{name} {seed}"))] += 1
                except Exception:
                    failed += 1
                    print(f"--- {name}, seed {seed}\n{traceback.format_exc()}", file=sys.stderr, flush=True)
        failures += failed
        detail = ", ".join(f"{count} {what}" for what, count in sorted(seen.items()) if what)
        seconds = time.monotonic() - begin
        print(
            f"{TROUBLES[name]:<62}{arguments.rounds:>5} rounds{failed:>4} failed{seconds:>6.0f} s  {detail}", flush=True
        )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
