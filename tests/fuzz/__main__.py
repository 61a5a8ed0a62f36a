"""The fuzzer: calls everything public with good, odd and hostile arguments, and expects ValueError, TypeError or an
error of the library's own; no other one, no crash, no hang.

    python tests/fuzz --calls 200000 --seed 7        (make fuzz ARGS="…")
    python tests/fuzz --seed 7 --only 4711           that call again, with its traceback
"""

from __future__ import annotations

import argparse
import collections
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

WORKER = Path(__file__).with_name("worker.py")
#: A call that takes longer hangs.
SECONDS = 30.0
#: A process makes this many calls, and then another one continues.
BATCH = 2000


class Finding(NamedTuple):
    """A call that went wrong."""

    number: int
    name: str
    what: str


def findings(seed: int, calls: range, area: str = "", seconds: float = SECONDS) -> Iterator[Finding]:
    """Makes the calls in other processes; what went wrong."""
    at = calls.start
    while at < calls.stop:
        end = min(at + BATCH, calls.stop)
        for finding in _in_one_process(seed, at, end, area, seconds):
            yield finding
            at = max(at, finding.number + 1)
            if not finding.what.startswith(("crash", "hang")):
                continue
            break
        else:
            at = end


def _in_one_process(seed: int, first: int, end: int, area: str, seconds: float) -> Iterator[Finding]:
    command = [sys.executable, str(WORKER), str(seed), str(first), str(end), area]
    error = None if end == first + 1 else subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=error, start_new_session=True)
    assert process.stdout is not None
    number, name, rest = first, "start", b""
    try:
        while True:
            ready, _, _ = select.select([process.stdout], [], [], seconds)
            piece = os.read(process.stdout.fileno(), 1 << 16) if ready else None
            if piece is None:
                yield Finding(number, name, f"hang: no answer within {seconds:g} seconds")
                return
            *lines, rest = (rest + piece).split(b"\n")
            for line in map(bytes.decode, lines):
                kind, _, text = line.partition(" ")
                if kind == "begin":
                    place, name = text.split(" ", 1)
                    number = int(place)
                elif kind == "wrong":
                    yield Finding(number, name, text)
                elif kind == "end":
                    return
            if not piece:
                code = process.wait()
                reason = signal.Signals(-code).name if code < 0 else f"status {code}"
                yield Finding(number, name, f"crash: {reason}")
                return
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz ARGS=", description=__doc__.split("\n\n")[0])
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the number of the first call")
    parser.add_argument("--area", default="", help="only lstm_ext.AREA")
    parser.add_argument("--only", type=int, help="one call, with its traceback")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="that a call may take")
    options = parser.parse_args()
    calls = range(options.first, options.first + options.calls)
    if options.only is not None:
        calls = range(options.only, options.only + 1)
    begin, kinds = time.monotonic(), collections.Counter[str]()
    for finding in findings(options.seed, calls, options.area, options.seconds):
        kinds[finding.what.split(":")[0]] += 1
        replay = f"--seed {options.seed} {f'--area {options.area} ' if options.area else ''}--only {finding.number}"
        print(f"{finding.name}: {finding.what}\n    python tests/fuzz {replay}", flush=True)
    wrong = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()) or "nothing wrong"
    print(f"{len(calls):,} calls with seed {options.seed} in {time.monotonic() - begin:.0f} s: {wrong}")
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main())
