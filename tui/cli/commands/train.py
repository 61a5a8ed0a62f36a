"""Train a network on a text, and keep it in a checkpoint that --resume continues and `lstm-lab generate` reads."""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from rich.filesize import decimal

from lstm_ext.data import TEXT_CHOICES, load_text
from lstm_ext.data.ngram import ngram_losses
from lstm_ext.engine.config import ModelConfig, OptimizerConfig
from lstm_ext.errors import ArgumentError, LabError
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.train.checkpoint import check_destination, load_checkpoint
from lstm_ext.train.config import TrainerConfig
from lstm_ext.train.schedule import SCHEDULES
from lstm_ext.train.snapshot import Snapshot
from lstm_ext.train.trainer import Trainer

from ...errors import UsageError
from ...memory import bytes_available, bytes_needed
from ...text.units import clock, rate
from ..checkpoints import SUFFIX, writable
from ..options import add_checkpoint, add_engine, add_json, add_network, add_text, add_training, number, positive, whole
from ..progress import Progress

#: Trained for so many seconds where no limit is given.
DEFAULT_SECONDS = 60.0
#: How training goes unless said otherwise. docs/training.md has the measurements behind it.
RECOMMENDED = TrainerConfig(
    reset_every=50,
    lr=4e-3,
    warmup=100,
    average=0.05,
    optimizer=OptimizerConfig(clip_norm=1.0),
)
#: Only where the time is limited: a run of so many steps can then be continued to more, as if it had never ended.
TIMED_SCHEDULE = "cosine"
#: Smaller networks have more to fear from learning too slowly than from learning by heart.
DROPOUT, DROPOUT_FROM = 0.2, 200
#: What makes a network, and what it is unless said otherwise. A resumed run keeps its network.
NETWORK: dict[str, Any] = {
    "cell": "lstm",
    "hidden_size": 128,
    "num_layers": 1,
    "dropout": 0.0,
    "dtype": "float32",
    "reset_after": False,
    "peephole": False,
    "coupled": False,
}
#: Options that are fields of TrainerConfig, and those that are fields of its OptimizerConfig.
TRAINING = (
    "seq_length",
    "batch_size",
    "reset_every",
    "lr",
    "schedule",
    "warmup",
    "average",
    "patience",
    "seed",
    "validation",
    "eval_every",
    "checkpoint_every",
)
OPTIMIZER = {"optimizer": "kind", "clip_norm": "clip_norm"}
Say = Callable[[str], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    # Defaults are left to the code below: --resume has to know what was really asked for.
    text = parser.add_argument_group("text")
    add_text(text)
    text.add_argument(
        "--validation",
        "--val-fraction",
        type=number(0, 1),
        metavar="SHARE",
        help="share of the text, at its end, kept for validation (default: 0.1)",
    )
    network = parser.add_argument_group("network")
    add_network(network, dropout=f"{DROPOUT} from {DROPOUT_FROM} units on, below that 0")
    network.add_argument(
        "--forget-bias",
        type=number(-math.inf, low_included=False),
        metavar="X",
        help="where the LSTM's forget bias starts (default: 1)",
    )
    training = parser.add_argument_group("training")
    add_training(training, lr=RECOMMENDED.lr)
    training.add_argument(
        "--reset-every",
        type=whole(0),
        metavar="N",
        help=f"steps after which the carried state is set back to 0; 0: never (default: {RECOMMENDED.reset_every})",
    )
    training.add_argument(
        "--schedule",
        choices=SCHEDULES,
        help=f"of the learning rate, down to 0 (default: {TIMED_SCHEDULE} with --seconds, else constant)",
    )
    training.add_argument(
        "--warmup",
        type=whole(0),
        metavar="N",
        help=f"steps until the learning rate is reached (default: {RECOMMENDED.warmup})",
    )
    training.add_argument(
        "--average",
        type=number(0, 1),
        metavar="SHARE",
        help=f"keep the weights' mean over about this share of all steps; 0: the last (default: {RECOMMENDED.average})",
    )
    training.add_argument(
        "--clip-norm",
        type=number(0),
        metavar="X",
        help=f"of the whole gradient, 0: off (default: {RECOMMENDED.optimizer.clip_norm:g})",
    )
    add_engine(training)

    limits = parser.add_argument_group(
        "how long (the first limit ends it; none: 60 seconds, with --resume up to the end that the run was given)"
    )
    limits.add_argument(
        "--steps", type=whole(1, 2**62), metavar="N", help="counted from the run's start, also with --resume"
    )
    limits.add_argument("--epochs", type=positive, metavar="N", help="likewise")
    limits.add_argument("--seconds", type=positive, metavar="S", help="from now on")
    limits.add_argument(
        "--patience", type=whole(1), metavar="N", help="end early after N validations in a row without a new best"
    )

    output = parser.add_argument_group("output")
    add_checkpoint(output, "where to keep the network (default: TEXT-CELL.safetensors)")
    output.add_argument("--resume", action="store_true", help="continue the run in --checkpoint, exactly")
    output.add_argument("--eval-every", type=whole(1), metavar="N", help="steps between validations (default: by cost)")
    output.add_argument(
        "--checkpoint-every", type=positive, metavar="S", help="seconds between checkpoints (default: 60)"
    )
    add_json(output)
    output.add_argument("--quiet", action="store_true", help="no progress; only the result")


def run(arguments: argparse.Namespace) -> int:
    stream = sys.stderr if arguments.json else sys.stdout
    progress = Progress(stream)

    def say(line: str) -> None:
        if not arguments.quiet:
            print(line, file=stream, flush=True)

    trainer = _resumed(arguments, say) if arguments.resume else _begun(arguments, say)
    begun = trainer.snapshot()
    limits = _limits(arguments, begun, say)

    with _signals() as received:

        def on_progress(snapshot: Snapshot) -> None:
            if received:
                trainer.stop()
            elif not arguments.quiet:
                progress(snapshot)

        snapshot = trainer.run(**limits, on_progress=on_progress)
    progress.clear()
    if snapshot.status == "failed":
        raise LabError(snapshot.message)
    result = _result(trainer, snapshot, baselines=not received)
    print(json.dumps(result) if arguments.json else _summary(trainer, result), flush=True)
    if snapshot.saved_step != snapshot.step:
        raise LabError(snapshot.message)
    if snapshot.message != begun.message:
        say(snapshot.message)
    if received:
        say(f"stopped by {received[0].name}; the same command with --resume continues")
        return 128 + received[0]
    return 0


def _limits(arguments: argparse.Namespace, present: Snapshot, say: Say) -> dict[str, Any]:
    """What ends the run, counted from its start."""
    if arguments.steps or arguments.epochs or arguments.seconds:
        seconds = None if arguments.seconds is None else present.seconds + arguments.seconds
        return {"steps": arguments.steps, "epochs": arguments.epochs, "seconds": seconds}
    steps, seconds = present.total_steps, present.total_seconds
    if (steps or seconds) and present.step < (steps or math.inf) and present.seconds < (seconds or math.inf):
        say(f"going on to {f'step {steps:,}' if steps else clock(seconds or 0.0)}, the end that the run was given")
        return {"steps": steps, "seconds": seconds}
    say(f"no limit given: training for {DEFAULT_SECONDS:g} seconds (--steps, --epochs or --seconds choose)")
    return {"seconds": present.seconds + DEFAULT_SECONDS}


@contextmanager
def _signals() -> Iterator[list[signal.Signals]]:
    """Collects SIGINT, SIGTERM and SIGHUP instead of dying of them; a second one acts as ever.

    A SIGHUP that is ignored stays so, as nohup wants it. SIGINT is taken even where a script
    that started us in the background has it ignored: whoever sends it means us.
    """
    received: list[signal.Signals] = []
    previous: dict[int, Any] = {}

    def note(number: int, frame: FrameType | None) -> None:
        received.append(signal.Signals(number))
        signal.signal(number, previous[number])

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and (name != "SIGHUP" or signal.getsignal(number) != signal.SIG_IGN):
            previous[number] = signal.signal(number, note)
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _begun(arguments: argparse.Namespace, say: Say) -> Trainer:
    """A new run, whose first checkpoint is written: what cannot be kept is not trained."""
    if not arguments.data:
        raise UsageError(f"--data: missing; expected {TEXT_CHOICES}")
    network = {name: _either(getattr(arguments, name), default) for name, default in NETWORK.items()}
    if arguments.dropout is None and network["hidden_size"] >= DROPOUT_FROM:
        network["dropout"] = DROPOUT
    path = writable(arguments.checkpoint or _default_checkpoint(arguments.data, network["cell"]))
    check_destination(path)
    schedule = RECOMMENDED.schedule if arguments.steps or arguments.epochs else TIMED_SCHEDULE
    config = replace(
        RECOMMENDED,
        checkpoint=path,
        optimizer=replace(RECOMMENDED.optimizer, **_given(arguments, OPTIMIZER)),
        **{"schedule": schedule, **_given(arguments, {name: name for name in TRAINING})},
    )
    try:
        ModelConfig(**{**network, "input_size": 1, "output_size": 1, "num_layers": 1})
    except ArgumentError as error:
        name, _, problem = str(error).partition(":")
        raise UsageError(f"--{name.replace('_', '-')}:{problem}") from error
    text = load_text(arguments.data, arguments.encoding or "utf-8")
    size = len(text.vocabulary)
    _check_memory(network, len(text), size, config)
    model = LanguageModel(
        ModelConfig(input_size=size, output_size=size, **network),
        seed=config.seed,
        forget_bias=_either(arguments.forget_bias, 1.0),
        backend=arguments.backend,
        threads=arguments.threads or 1,
    )
    trainer = Trainer(model, text, config)
    say(_introduction(trainer))
    _first_checkpoint(trainer, path, say)
    return trainer


def _first_checkpoint(trainer: Trainer, path: str, say: Say) -> None:
    """A checkpoint of an earlier run at ``path`` is kept aside, never overwritten."""
    kept = Path(path).with_suffix(f".old{SUFFIX}")
    taken = Path(path).exists()
    if taken:
        os.replace(path, kept)
    try:
        trainer.save(path)
    except BaseException:
        if taken:
            os.replace(kept, path)
        raise
    if taken:
        say(f"{path} was there: kept as {kept} (--resume would have continued it)")


def _resumed(arguments: argparse.Namespace, say: Say) -> Trainer:
    if not (arguments.checkpoint or arguments.data):
        raise UsageError("--resume: needs --checkpoint F.safetensors, the run to continue")
    path = writable(arguments.checkpoint or _default_checkpoint(arguments.data, arguments.cell or NETWORK["cell"]))
    saved = load_checkpoint(path)
    network = {name: getattr(saved.config, name) for name in NETWORK}
    for name, value in network.items():
        asked = getattr(arguments, name)
        if asked is not None and asked != value:
            option = "--" + name.replace("_", "-")
            raise UsageError(
                f"{option}: got {asked}, but {path} has {value}, and a resumed run keeps its network; "
                f"leave {option} out, or start anew without --resume"
            )
    changes = _given(arguments, {name: name for name in TRAINING})
    if optimizer := _given(arguments, OPTIMIZER):
        changes["optimizer"] = replace(saved.trainer_config.optimizer, **optimizer)
    _check_memory(network, saved.text.length, len(saved.vocabulary), replace(saved.trainer_config, **changes))
    trainer = Trainer.resume(
        path,
        arguments.data,
        encoding=arguments.encoding,
        backend=arguments.backend,
        threads=arguments.threads or 1,
        **changes,
    )
    say(_introduction(trainer))
    say(f"continuing {path} at step {saved.state.step:,}")
    if notice := trainer.snapshot().message:
        say(notice)
    return trainer


def _either(value: Any, default: Any) -> Any:
    return default if value is None else value


def _given(arguments: argparse.Namespace, names: Mapping[str, str]) -> dict[str, Any]:
    """The options that were really given, as fields (``names``: option → field)."""
    return {field: getattr(arguments, name) for name, field in names.items() if getattr(arguments, name) is not None}


def _default_checkpoint(data: str, cell: str) -> str:
    """In the current directory: what was learned, and by what."""
    return f"{Path(data).stem}-{cell}{SUFFIX}"


def _check_memory(network: Mapping[str, Any], length: int, vocabulary_size: int, config: TrainerConfig) -> None:
    needed = bytes_needed(
        network["cell"],
        vocabulary_size,
        network["hidden_size"],
        network["num_layers"],
        network["dtype"],
        batch_size=config.batch_size,
        seq_length=min(config.seq_length, -(-length // config.batch_size)),
    )
    available = bytes_available()
    if needed > available:
        raise LabError(
            f"this network needs about {decimal(needed)} of memory, and {decimal(available)} are free; "
            "choose a smaller --hidden-size, --num-layers, --batch-size or --seq-length"
        )


def _introduction(trainer: Trainer) -> str:
    return (
        f"{trainer.text.name}: {len(trainer.vocabulary)} different characters; {trainer.split.description}\n"
        f"{_network(trainer)}\n{_training(trainer)}"
    )


def _network(trainer: Trainer) -> str:
    config, model = trainer.model.config, trainer.model
    layers = f"{config.num_layers} layers of " if config.num_layers > 1 else ""
    engine = "NumPy twin" if model.backend == "numpy" else f"C core, {model.threads} thread{'s' * (model.threads > 1)}"
    return (
        f"{config.cell.upper()} with {layers}{config.hidden_size} units, {config.num_parameters:,} parameters, "
        f"{config.dtype}; {engine}"
    )


def _training(trainer: Trainer) -> str:
    config, dropout = trainer.config, trainer.model.config.dropout
    parts = [
        f"{config.batch_size} x {config.seq_length} characters per step",
        f"{config.optimizer.kind}, learning rate {trainer.lr:g}, {config.schedule}",
        f"dropout {dropout:g}" if dropout else "",
        f"weights averaged over the last {config.average:.0%} of all steps" if config.average else "",
    ]
    return "; ".join(filter(None, parts))


def _result(trainer: Trainer, snapshot: Snapshot, *, baselines: bool) -> dict[str, Any]:
    """What --json prints. Losses are mean nats per character; what is not known is None.

    val_loss, bits_per_char and perplexity are those of the weights that are kept.
    """
    counted: dict[str, float] = {}
    if baselines and trainer.split.validation is not None:
        evaluated = trainer.split.validation[: trainer.config.eval_symbols]
        counted = ngram_losses(trainer.split.train, evaluated, len(trainer.vocabulary))
    config = trainer.model.config
    bits = snapshot.bits_per_char if snapshot.best_val is None else snapshot.best_val / math.log(2.0)
    return {
        "status": snapshot.status,
        "message": snapshot.message,
        "steps": snapshot.step,
        "epochs": snapshot.epoch,
        "train_loss": _finite(snapshot.smoothed),
        "val_loss": _finite(snapshot.best_val),
        "val_step": None if snapshot.best_val is None else snapshot.best_step,
        "last_val_loss": _finite(snapshot.val_loss),
        "bits_per_char": _finite(bits),
        "perplexity": _finite(2.0**bits if bits < 1000 else math.inf),
        "ngram_losses": counted,
        "chars_per_second": snapshot.chars_per_second,
        "seconds": snapshot.seconds,
        "parameters": config.num_parameters,
        "checkpoint": trainer.config.checkpoint,
        "data": trainer.text.name,
        "cell": config.cell,
        "hidden_size": config.hidden_size,
        "num_layers": config.num_layers,
        "backend": trainer.model.backend,
        "threads": trainer.model.threads,
    }


def _finite(value: float | None) -> float | None:
    """JSON knows neither NaN nor infinity."""
    return value if value is not None and math.isfinite(value) else None


def _summary(trainer: Trainer, result: Mapping[str, Any]) -> str:
    def loss(nats: float | None) -> str:
        return "–" if nats is None else f"{nats:.3f} nats per character"

    rows = [
        ("steps", f"{result['steps']:,} ({result['epochs']:.2f} epochs) in {clock(result['seconds'])}"),
        ("network", _network(trainer)),
        ("training loss", f"{loss(result['train_loss'])}, smoothed"),
        ("validation loss", loss(result["val_loss"])),
    ]
    if result["val_loss"] != result["last_val_loss"]:
        rows.append(
            ("", f"of step {result['val_step']:,}, whose weights are kept; at the end {loss(result['last_val_loss'])}")
        )
    if result["bits_per_char"] is not None:
        figures = f"{result['bits_per_char']:.3f} bits per character, perplexity {result['perplexity']:.2f}"
        rows.append(("that is", figures))
    if result["ngram_losses"]:
        counting = ", ".join(f"{name} {nats:.3f}" for name, nats in result["ngram_losses"].items())
        rows.append(("n-grams", f"{counting}, counted on the same split"))
    rows += [
        ("speed", f"{rate(result['chars_per_second'])} characters per second"),
        ("checkpoint", result["checkpoint"]),
    ]
    lines = [f"{name:<17}{value}" for name, value in rows]
    return "\n".join([*lines, f"now try          lstm-lab generate --checkpoint {result['checkpoint']}"])
