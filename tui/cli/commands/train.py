"""Train a network on a text, and keep it in a checkpoint, which --resume continues and `lstm-lab generate` reads."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from lstm_ext.data import TEXT_CHOICES, load_text
from lstm_ext.errors import ArgumentError, LabError
from lstm_ext.files import keep_aside
from lstm_ext.lock import locked
from lstm_ext.nn.schedule import SCHEDULES
from lstm_ext.tensors import SUFFIX, check_destination, checkpoint_path
from lstm_ext.train.checkpoint import load_checkpoint
from lstm_ext.train.run_config import DEFAULTS, NETWORK_OPTIONS, training_changes
from lstm_ext.train.schedule import TIMED_SCHEDULE
from lstm_ext.train.snapshot import Snapshot
from lstm_ext.train.timeline import Timeline, save_timeline
from lstm_ext.train.trainer import Trainer
from lstm_lab.runs.registry import Registry

from ... import memory
from ...errors import UsageError
from ...text.units import clock
from ..candidates import CHECKPOINTS, completes
from ..checkpoints import writable
from ..options import (
    add_checkpoint,
    add_engine,
    add_json,
    add_network,
    add_text,
    add_training,
    as_option,
    default,
    number,
    positive,
    run_config,
    run_options,
    whole,
)
from ..output import note, show
from ..signals import stopping
from ..training import TrainingProgress, as_json, introduction, summary

#: How long training takes where no limit is given.
DEFAULT_SECONDS = 60.0
Say = Callable[[str], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    # Defaults are set below, because --resume has to know which options were given.
    text = parser.add_argument_group("text")
    add_text(text)
    text.add_argument(
        "--validation",
        "--val-fraction",
        type=number(0, 1),
        metavar="SHARE",
        help=f"share of the text, at its end, kept for validation ({default('validation')})",
    )
    network = parser.add_argument_group("network")
    add_network(network)
    network.add_argument(
        "--forget-bias",
        type=number(-math.inf, low_included=False),
        metavar="X",
        help=f"where the LSTM's forget bias starts ({default('forget_bias')})",
    )
    training = parser.add_argument_group("training")
    add_training(training)
    training.add_argument(
        "--reset-every",
        type=whole(0),
        metavar="N",
        help=f"steps after which the carried state is reset to 0; 0: never ({default('reset_every')})",
    )
    training.add_argument(
        "--schedule",
        choices=SCHEDULES,
        help=f"of the learning rate, down to 0 (default: {TIMED_SCHEDULE} with --seconds, else {DEFAULTS['schedule']})",
    )
    training.add_argument(
        "--warmup",
        type=whole(0),
        metavar="N",
        help=f"steps until the learning rate is reached ({default('warmup')})",
    )
    training.add_argument(
        "--average",
        type=number(0, 1),
        metavar="SHARE",
        help=f"keep the weights' mean over about this share of all steps; 0: the last ({default('average')})",
    )
    training.add_argument(
        "--clip-norm",
        type=number(0),
        metavar="X",
        help=f"of the whole gradient, 0: off ({default('clip_norm')})",
    )
    add_engine(training)

    limits = parser.add_argument_group(
        "how long (the first limit ends it; default: 60 seconds, or with --resume the end that the run was given)"
    )
    limits.add_argument(
        "--steps", type=whole(1, 2**62), metavar="N", help="counted from the run's start, also with --resume"
    )
    limits.add_argument("--epochs", type=positive, metavar="N", help="counted in the same way")
    limits.add_argument("--seconds", type=positive, metavar="S", help="from now on")
    limits.add_argument(
        "--patience", type=whole(1), metavar="N", help="end early after N validations in a row without a new best"
    )

    output = parser.add_argument_group("output")
    add_checkpoint(output, "the file to keep the network in (default: TEXT-CELL.safetensors)")
    output.add_argument("--resume", action="store_true", help="continue the run in --checkpoint, exactly")
    output.add_argument("--eval-every", type=whole(1), metavar="N", help="steps between validations (default: by cost)")
    output.add_argument(
        "--checkpoint-every",
        type=positive,
        metavar="S",
        help=f"seconds between checkpoints ({default('checkpoint_every')})",
    )
    kept = "keep the weights at some steps, for `lstm-lab timeline`"
    completes(output.add_argument("--timeline", metavar="F.safetensors", help=kept), CHECKPOINTS)
    add_json(output)
    output.add_argument("--quiet", action="store_true", help="no progress; only the result")


def run(arguments: argparse.Namespace) -> int:
    path = _path(arguments)
    with locked(path):  # from before it is read, or kept aside, until the last save
        return _train(arguments, path)


def _path(arguments: argparse.Namespace) -> str:
    """The file of the run."""
    if arguments.resume and not (arguments.checkpoint or arguments.data):
        raise UsageError("--resume: needs --checkpoint F.safetensors, the run to continue")
    if not (arguments.resume or arguments.data):
        raise UsageError(f"--data: missing; expected {TEXT_CHOICES}")
    cell = arguments.cell or DEFAULTS["cell"]
    return writable(arguments.checkpoint or f"{Path(arguments.data).stem}-{cell}{SUFFIX}")  # in the current directory


def _train(arguments: argparse.Namespace, path: str) -> int:
    stream = sys.stderr if arguments.json else sys.stdout

    def say(line: str) -> None:
        if not arguments.quiet:
            show(line, stream)

    trainer = _resumed(arguments, path, say) if arguments.resume else _begun(arguments, path, say)
    registry = Registry()
    registry.remember_run(path)
    registry.remember_text(trainer.text.name, trainer.text.encoding)
    timeline = _timeline(arguments, trainer, path)
    begun = trainer.snapshot()
    limits = _limits(arguments, begun, say)

    with stopping(trainer) as stop:
        with TrainingProgress(stream, trainer.config, begun.message) as progress:

            def on_progress(snapshot: Snapshot) -> None:
                if stop.signal is not None:
                    progress.stop()
                    stop.follow_up()
                elif not arguments.quiet:
                    progress(snapshot)

            snapshot = trainer.run(**limits, on_progress=on_progress)
        if timeline is not None:
            if timeline.frames[-1].step != snapshot.step:
                timeline.add(snapshot.step, snapshot.smoothed, trainer.model.parameters)
            save_timeline(timeline, arguments.timeline)
        if snapshot.status == "failed":
            raise LabError(snapshot.message)
        found = as_json(trainer, snapshot, baselines=stop.signal is None)
        for line in [json.dumps(found)] if arguments.json else summary(trainer, found):
            show(line)
        if snapshot.saved_step != snapshot.step:
            raise LabError(snapshot.message)
        if snapshot.message != begun.message:
            say(snapshot.message)
        if stop.signal is not None:
            say(f"stopped by {stop.signal.name}; the same command with --resume continues")
            return 128 + stop.signal
    return 0


def _timeline(arguments: argparse.Namespace, trainer: Trainer, path: str) -> Timeline | None:
    """Where the weights are kept, if that was asked for."""
    if arguments.timeline is None:
        return None
    try:
        arguments.timeline = checkpoint_path(arguments.timeline)
    except ArgumentError as error:
        raise UsageError(f"--timeline: {str(error).removeprefix('path: ')}") from None
    if os.path.realpath(arguments.timeline) == os.path.realpath(path):
        raise UsageError(f"--timeline: got {arguments.timeline}, which is the checkpoint; expected another file")
    check_destination(arguments.timeline)
    timeline = trainer.keep_timeline()
    if not timeline.keeps:
        raise LabError("--timeline: this network is too large for one; choose a smaller network, or leave it out")
    return timeline


def _limits(arguments: argparse.Namespace, begun: Snapshot, say: Say) -> dict[str, Any]:
    """The limits of the run, counted from its start."""
    if arguments.steps or arguments.epochs or arguments.seconds:
        seconds = None if arguments.seconds is None else begun.seconds + arguments.seconds
        return {"steps": arguments.steps, "epochs": arguments.epochs, "seconds": seconds}
    steps, seconds = begun.total_steps, begun.total_seconds
    if (steps or seconds) and begun.step < (steps or math.inf) and begun.seconds < (seconds or math.inf):
        say(f"continuing to {f'step {steps:,}' if steps else clock(seconds or 0.0)}, the end that the run was given")
        return {"steps": steps, "seconds": seconds}
    say(f"no limit given: training for {DEFAULT_SECONDS:g} seconds (--steps, --epochs or --seconds choose)")
    return {"seconds": begun.seconds + DEFAULT_SECONDS}


def _begun(arguments: argparse.Namespace, path: str, say: Say) -> Trainer:
    """A new run, whose first checkpoint is written at once: what cannot be saved is not trained."""
    timed = not (arguments.steps or arguments.epochs)
    config = run_config(arguments, schedule=TIMED_SCHEDULE if timed else None)
    check_destination(path)
    config = replace(config, training=replace(config.training, checkpoint=path))
    text = load_text(arguments.data, arguments.encoding or "utf-8")
    try:
        trainer = config.trainer(text, check_memory=memory.check)
    except ArgumentError as error:
        raise LabError(as_option(error)) from error
    for line in introduction(trainer):
        say(line)
    _first_checkpoint(trainer, path, say)
    return trainer


def _first_checkpoint(trainer: Trainer, path: str, say: Say) -> None:
    """A checkpoint of an earlier run at ``path`` is kept aside, never overwritten."""
    kept = keep_aside(path) if Path(path).exists() else None
    try:
        trainer.save(path)
    except BaseException:
        if kept is not None and os.path.samefile(kept, path):  # nothing was replaced
            os.unlink(kept)
        raise
    if kept is not None:
        say(f"{path} was there: kept as {kept} (--resume would have continued it)")


def _resumed(arguments: argparse.Namespace, path: str, say: Say) -> Trainer:
    saved = load_checkpoint(path)
    given = run_options(arguments)
    for name in NETWORK_OPTIONS:
        kept = getattr(saved.config, name)
        if given.get(name, kept) != kept:
            option = "--" + name.replace("_", "-")
            raise UsageError(
                f"{option}: got {given[name]}, but {path} has {kept}, and a resumed run keeps its network; "
                f"leave {option} out, or start anew without --resume"
            )
    changes = training_changes(given, saved.trainer_config)
    try:
        memory.check(saved.config, replace(saved.trainer_config, **changes), saved.text.length)
    except ArgumentError as error:
        raise LabError(as_option(error)) from error
    trainer = Trainer.resume(
        path,
        arguments.data,
        encoding=arguments.encoding,
        backend=arguments.backend,
        threads=arguments.threads or 1,
        **changes,
    )
    for line in introduction(trainer):
        say(line)
    say(f"continuing {path} at step {saved.state.step:,}")
    if notice := trainer.snapshot().message:
        note(notice)  # also with --quiet and --json
    return trainer
