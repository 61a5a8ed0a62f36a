"""Show what a network would have written at steps all along its training, from noise to text: the same prompt, the same
random numbers, other weights. `lstm-lab train --timeline F` keeps the weights."""

from __future__ import annotations

import argparse
import json
import os

from ...errors import UsageError
from ..candidates import CHECKPOINTS, completes
from ..options import BACKENDS, add_json, number, whole
from ..output import columns, console, show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = "what `lstm-lab train --timeline` or the lab wrote"
    completes(parser.add_argument("timeline", metavar="F.safetensors", nargs="?", help=what), CHECKPOINTS)
    parser.add_argument("--prompt", metavar="TEXT", help="the text to continue (default: a new line)")
    parser.add_argument(
        "--length", type=whole(1), default=200, metavar="N", help="characters at each step (default: 200)"
    )
    parser.add_argument(
        "--temperature", type=number(0), default=0.8, metavar="X", help="0 always takes the likeliest (default: 0.8)"
    )
    parser.add_argument("--seed", type=whole(0, 2**63 - 1), default=1, metavar="S", help="(default: 1)")
    parser.add_argument("--step", type=whole(0, 2**62), metavar="N", help="all of the text at the step nearest to N")
    parser.add_argument("--output", metavar="F.csv", help="write step, loss and text to a file")
    parser.add_argument("--backend", choices=BACKENDS, help="engine (default: the C core where it was built)")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from lstm_ext.errors import DataError
    from lstm_ext.files import write_atomically
    from lstm_ext.tensors import SUFFIX
    from lstm_ext.train.timeline import load_timeline

    from ...text.ascii import to_ascii
    from ...text.timeline import Told, as_csv, default_prompt, line
    from ...text.visible import visible

    path = arguments.timeline
    if path is None:
        raise UsageError("F.safetensors: missing; expected a file that `lstm-lab train --timeline F` wrote")
    if arguments.prompt == "":
        raise UsageError("--prompt: is empty; expected at least one character")
    if arguments.output is not None and os.path.splitext(arguments.output)[1].lower() != ".csv":
        raise UsageError(f"--output: got {arguments.output}, expected a name that ends in .csv")
    timeline = load_timeline(path if os.path.splitext(path)[1] or os.path.exists(path) else path + SUFFIX)
    prompt = arguments.prompt or default_prompt(timeline)
    frames = timeline.frames
    if arguments.step is not None:
        frames = (min(frames, key=lambda frame: abs(frame.step - arguments.step)),)
    model, told = timeline.model(backend=arguments.backend), []
    for frame in frames:
        try:
            written = timeline.write(
                model, frame, prompt, arguments.length, temperature=arguments.temperature, seed=arguments.seed
            )
        except DataError as error:
            raise DataError(f"--prompt: {error}") from error
        told.append(Told.of(frame, written, timeline.vocabulary))
    if arguments.output is not None:
        write_atomically(arguments.output, as_csv(told))
    if arguments.json:
        about = {"timeline": path, "data": timeline.text, "prompt": prompt}
        print(json.dumps({**about, "steps": [each.as_dict() for each in told]}))
    elif arguments.step is not None:
        for text in (prompt.lstrip("\n") + told[0].text).split("\n"):
            show(visible(text))
    else:
        plain = (lambda text: text) if console().encoding.startswith("utf") else to_ascii
        show(f"{'step':>7} {'loss':>6}  after {prompt!r}")
        for each in told:
            show(plain(line(each, columns())).rstrip())
    return 0
