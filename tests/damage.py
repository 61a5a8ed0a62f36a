"""Files of weights, damaged and forged in every way that a seed can think of; and a process that reads them all.

``python damage.py KIND SEED COUNT`` reads COUNT damaged files of KIND ("run", "network" or "timeline"), and every
forged one, and prints as JSON what came of it.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ext import LanguageModel, ModelConfig, Text, Trainer, TrainerConfig, Vocabulary, nn
from lstm_ext.conversion import load_pytorch
from lstm_ext.errors import LabError
from lstm_ext.train.checkpoint import load_checkpoint
from lstm_ext.train.timeline import Timeline, load_timeline, save_timeline

#: In place of anything in a description.
NASTY: list[Any] = [
    None, True, False, 0, -1, 1.5, 2**31, 2**63, 2**64, 10**30, "yes", "", "\x1b[2J\n", [], {}, [[]], {"a": 1},
    float("nan"), float("inf"), -0.0, 1e308, "lstm", ["a", "b"], {"dict": {}}, {"class": "nn.Tagger"}, 2_000_000_000,
]  # fmt: skip


# ------------------------------------------------------------------------------------------------ good files


def write_run(path: Path) -> None:
    text = Text.from_string("to be or not to be" * 30)
    size = len(text.vocabulary)
    model = LanguageModel(ModelConfig(size, 5, size, num_layers=2, dropout=0.1), seed=1, backend="numpy")
    trainer = Trainer(model, text, TrainerConfig(batch_size=3, seq_length=7, eval_every=5))
    trainer.run(steps=12)
    trainer.save(str(path))


def read_run(path: Path) -> list[Any]:
    """All that is in it, to be compared."""
    run = load_checkpoint(str(path))
    state = {name: value for name, value in vars(run.state).items() if name != "history"}
    found = [
        run.config,
        run.vocabulary,
        run.trainer_config,
        run.text,
        *state.items(),
        *run.state.history.arrays().items(),
    ]
    return [repr(item) if not isinstance(item, tuple) else (item[0], _plain(item[1])) for item in found]


def write_network(path: Path) -> None:
    model = nn.Tagger(9, 4, 3, cell="gru", bidirectional=True, layer_norm=True, num_layers=2, embedding_size=3)
    model.build(seed=1, backend="numpy")
    optimizer = nn.Optimizer(model)
    optimizer.moments[...] = np.random.default_rng(0).random(optimizer.moments.shape)
    nn.save(path, model, optimizer, vocabulary=Vocabulary("abcdefghi"))


def read_network(path: Path) -> list[Any]:
    model = nn.load(path, backend="numpy")
    optimizer = nn.load_optimizer(path, model)
    described = [repr(model), optimizer.config, optimizer.lr, optimizer.steps, nn.load_vocabulary(path)]
    load_pytorch(model, path)
    return [*map(repr, described), _plain(model.parameters), _plain(optimizer.moments)]


def write_timeline(path: Path) -> None:
    config, rng = ModelConfig(9, 3, 9, cell="gru"), np.random.default_rng(0)
    timeline = Timeline(config, Vocabulary("abcdefghi"), "a text")
    for step in (0, 1, 2, 7):
        timeline.add(step, 2.0 / (step + 1), rng.random(config.num_parameters, np.float32))
    save_timeline(timeline, str(path))


def read_timeline(path: Path) -> list[Any]:
    timeline = load_timeline(str(path))
    frames = [(frame.step, frame.loss, _plain(frame.parameters)) for frame in timeline.frames]
    return [timeline.config, timeline.vocabulary, timeline.text, *frames]


def _plain(value: Any) -> str:
    return f"{value.dtype} {value.shape} {value.tobytes().hex()}" if isinstance(value, np.ndarray) else repr(value)


KINDS: dict[str, tuple[Callable[[Path], None], Callable[[Path], list[Any]]]] = {
    "run": (write_run, read_run),
    "network": (write_network, read_network),
    "timeline": (write_timeline, read_timeline),
}


# -------------------------------------------------------------------------------------------------- damage


def _parts(good: bytes) -> tuple[str, bytes]:
    """The header and the data."""
    end = 8 + int.from_bytes(good[:8], "little")
    return good[8:end].decode(), good[end:]


def _whole(header: str, data: bytes) -> bytes:
    encoded = header.encode()
    return len(encoded).to_bytes(8, "little") + encoded + data


def _flip(good: bytes, rng: random.Random, flips: int) -> bytes:
    damaged = bytearray(good)
    for _ in range(flips):
        # As often in the header as in the data.
        end = len(good) if rng.random() < 0.5 else 8 + len(_parts(good)[0])
        damaged[rng.randrange(end)] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def _splice(good: bytes, rng: random.Random) -> bytes:
    """A piece of the file in another place of it: over what is there, or pushing that aside."""
    size = rng.randrange(1, 200)
    source, target = (rng.randrange(len(good) - size) for _ in range(2))
    return good[:target] + good[source : source + size] + good[target + rng.choice((0, size)) :]


def _edit_header(good: bytes, rng: random.Random) -> bytes:
    """A number, a name or a text of the header becomes another one, or is there twice, or gone."""
    text, data = _parts(good)
    header = json.loads(text)
    name = rng.choice(list(header))
    match rng.randrange(6):
        case 0:
            header[name] = rng.choice(NASTY)
        case 1:
            entry = header[name]
            key = rng.choice(list(entry))
            if isinstance(entry[key], list) and entry[key] and rng.random() < 0.7:
                entry[key][rng.randrange(len(entry[key]))] = rng.choice([*NASTY, rng.randrange(5000)])
            else:
                entry[key] = rng.choice(NASTY)
        case 2:
            header[rng.choice(["x", "", "\x1b[2J\n", "training.history.x", *header])] = header.pop(name)
        case 3:
            other = rng.choice(list(header))
            header[name], header[other] = header[other], header[name]
        case 4:
            return _whole(
                "{" + json.dumps(name) + ":" + json.dumps(rng.choice(list(header.values()))) + "," + text[1:], data
            )
        case 5:
            depth = rng.choice((200, 100_000))
            return _whole('{"a":' + "[" * depth + "]" * depth + "," + text[1:], data)
    return _whole(json.dumps(header), data)


def _edit_text(good: bytes, rng: random.Random) -> bytes:
    """One character of the header becomes another."""
    text, data = _parts(good)
    at = rng.randrange(len(text))
    return _whole(text[:at] + rng.choice('{}[]",:\\0123456789eE-+.ntu \x00é') + text[at + 1 :], data)


def damaged(good: bytes, seed: int) -> bytes:
    """The file after one accident."""
    rng = random.Random(seed)
    match seed % 8:
        case 0 | 1:
            return _flip(good, rng, 1)
        case 2:
            return _flip(good, rng, rng.randrange(2, 40))
        case 3:
            return (
                good[: rng.randrange(len(good))] if rng.random() < 0.7 else good + rng.randbytes(rng.randrange(1, 99))
            )
        case 4:
            return _splice(good, rng)
        case 5:
            return _edit_text(good, rng)
        case 6:
            return _edit_header(good, rng)
        case _:
            length = rng.choice([0, 1, 2**24, 2**31, 2**63, 2**64 - 1, rng.randrange(5000)])
            return length.to_bytes(8, "little") + good[8:]


# ------------------------------------------------------------------------------------------------- forgery


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a description, with a key of it."""
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def forged(good: bytes, nasty: Sequence[Any] = NASTY) -> Iterator[bytes]:
    """Without checksums, as older versions wrote files; then, with something nasty in each place of the description."""
    text, data = _parts(good)
    header = json.loads(text)
    metadata = header["__metadata__"]
    del metadata["checksums"]
    yield _whole(json.dumps(header), data)
    contents = json.loads(metadata["contents"])
    for container, key in list(_places(contents)):
        before = container[key]
        for value in nasty:
            container[key] = value
            metadata["contents"] = json.dumps(contents)
            yield _whole(json.dumps(header), data)
        container[key] = before
        metadata["contents"] = json.dumps(contents).replace(f'"{key}": ', f'"{key}": 1{"0" * 5000}, "{key}": ', 1)
        yield _whole(json.dumps(header), data)
    for nested in ("[" * 100_000, '{"a":' * 100_000, "[" * 400 + "]" * 400):
        metadata["contents"] = nested
        yield _whole(json.dumps(header), data)


def sparse(good: bytes) -> dict[str, tuple[bytes, int]]:
    """Files of gigabytes that take a few kilobytes on the disk: what they begin with, and their size."""
    header = json.loads(_parts(good)[0])
    end = max(entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__")
    more = {**header, "training.history.x": {"dtype": "U8", "shape": [10**10], "data_offsets": [end, end + 10**10]}}
    huge, place = {"__metadata__": header["__metadata__"]}, 0
    for name, entry in header.items():
        if name != "__metadata__":
            shape = [n * 10**4 for n in entry["shape"]]
            size = int(np.prod(shape)) * int(entry["dtype"][1:]) // 8
            huge[name], place = {**entry, "shape": shape, "data_offsets": [place, place + size]}, place + size
    contents, ends = (_whole(json.dumps(header), b"") for header in (more, huge)), (end + 10**10, place)
    return {f"sparse {n}": (c, len(c) + e) for n, (c, e) in enumerate(zip(contents, ends, strict=True)) if e < 2**40}


# ------------------------------------------------------------------------------------------------- reading


def peak_megabytes() -> float:
    """The most memory that this process has held."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmHWM")


def main(kind: str, seed: int, count: int) -> dict[str, Any]:
    write, read = KINDS[kind]
    outcomes: Counter[str] = Counter()
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.safetensors")
        write(path)
        good, expected = path.read_bytes(), read(path)

        def attempt(content: bytes | None, label: str, *, must_equal: bool) -> None:
            if content is not None:
                path.write_bytes(content)
            try:
                found = read(path)
            except LabError as error:
                outcome = "refused"
                if "\n" in str(error) or len(str(error)) > 1000:
                    wrong.append(f"{label}: the message is {str(error)[:300]!r}")
            except BaseException as error:
                outcome = "another error"
                wrong.append(f"{label}: {type(error).__name__}: {error}")
            else:
                outcome = "equal" if found == expected else "loaded"
                if outcome == "loaded" and must_equal:
                    wrong.append(f"{label}: loaded, and is another")
            outcomes[f"{'damaged' if must_equal else 'forged'}, {outcome}"] += 1

        for number in range(seed, seed + count):
            attempt(damaged(good, number), f"seed {number}", must_equal=True)
        for number, content in enumerate(forged(good)):
            attempt(content, f"forgery {number}", must_equal=False)
        for label, huge in sparse(good).items():
            path.write_bytes(huge[0])
            os.truncate(path, huge[1])
            attempt(None, label, must_equal=True)
    return {"outcomes": dict(outcomes), "wrong": wrong, "megabytes": peak_megabytes()}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
