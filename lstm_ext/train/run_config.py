"""The settings of a run: a network, its training and its engine. All front ends take their defaults from here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Any

from ..arguments import checked
from ..data import Text
from ..engine.config import ModelConfig
from ..errors import ArgumentError
from ..nn.language_model import LanguageModel
from .config import TrainerConfig
from .trainer import Trainer

#: Smaller networks learn too slowly rather than by heart.
DROPOUT, DROPOUT_FROM = 0.2, 200
#: Called before allocation with the network, its training and the text's length; raises if they need too much memory.
MemoryCheck = Callable[[ModelConfig, TrainerConfig, int], None]


def _names(config: type, without: Iterable[str]) -> tuple[str, ...]:
    return tuple(entry.name for entry in fields(config) if entry.name not in without)


#: The options that are fields of ``ModelConfig`` and ``TrainerConfig``; the path of checkpoints is none of them.
NETWORK_OPTIONS = _names(ModelConfig, without=("input_size", "output_size", "force"))
TRAINING_OPTIONS = _names(TrainerConfig, without=("optimizer", "checkpoint"))
#: The options that are fields of its ``OptimizerConfig``, with the field.
OPTIMIZER_OPTIONS = {"optimizer": "kind", "clip_norm": "clip_norm"}
OWN_OPTIONS = ("forget_bias", "backend", "threads")


@checked
@dataclass(frozen=True)
class RunConfig:
    """A network and its training, without the text; ``trainer`` makes a run of them.

    ``options`` gives every setting by name, as on the command line; ``with_options`` takes some of them.
    Raises ArgumentError, which begins with the name of the wrong setting.
    """

    #: Its input_size and output_size are replaced by those of the text's alphabet.
    network: ModelConfig = field(default_factory=lambda: ModelConfig(input_size=1, hidden_size=128, output_size=1))
    training: TrainerConfig = field(default_factory=TrainerConfig)
    #: Where the LSTM's forget bias starts.
    forget_bias: float = 1.0
    #: "c" or "numpy"; None: the C core where it was built.
    backend: str | None = None
    #: Threads of the C core.
    threads: int = 1

    def __post_init__(self) -> None:
        if isinstance(self.threads, bool) or not isinstance(self.threads, int) or self.threads < 1:
            raise ArgumentError(f"threads: got {self.threads!r}, expected an integer of at least 1")

    @classmethod
    def of(cls, trainer: Trainer) -> RunConfig:
        """The settings of ``trainer``, at its current learning rate."""
        training = replace(trainer.config, lr=trainer.lr)
        return cls(trainer.model.config, training, backend=trainer.model.backend, threads=trainer.model.threads)

    def options(self) -> dict[str, Any]:
        """Every setting by its name."""
        return {
            **{name: getattr(self.network, name) for name in NETWORK_OPTIONS},
            **{name: getattr(self.training, name) for name in TRAINING_OPTIONS},
            **{name: getattr(self.training.optimizer, field) for name, field in OPTIMIZER_OPTIONS.items()},
            **{name: getattr(self, name) for name in OWN_OPTIONS},
        }

    def with_options(self, options: Mapping[str, object]) -> RunConfig:
        """A copy with some settings changed. Numbers may be text, as in a form; None keeps the current value."""
        present = self.options()
        given = {name: _value(name, value, present) for name, value in options.items() if value is not None}
        return replace(
            self,
            network=replace(self.network, **_chosen(given, NETWORK_OPTIONS)),
            training=replace(self.training, **training_changes(given, self.training)),
            **_chosen(given, OWN_OPTIONS),
        )

    @classmethod
    def from_options(cls, options: Mapping[str, object]) -> RunConfig:
        """The defaults with some settings changed; large networks get ``DROPOUT`` unless dropout is among them."""
        config = cls().with_options(options)
        if options.get("dropout") is None and config.network.hidden_size >= DROPOUT_FROM:
            config = config.with_options({"dropout": DROPOUT})
        return config

    def network_for(self, text: Text) -> ModelConfig:
        """The network for a text's alphabet."""
        size = len(text.vocabulary)
        return replace(self.network, input_size=size, output_size=size)

    def trainer(self, text: Text, *, check_memory: MemoryCheck | None = None) -> Trainer:
        """A new network and its trainer. Raises ``ArgumentError``, and what ``check_memory`` raises."""
        network = self.network_for(text)
        if check_memory is not None:
            check_memory(network, self.training, len(text))
        model = LanguageModel(
            network,
            seed=self.training.seed,
            forget_bias=self.forget_bias,
            backend=self.backend,
            threads=self.threads,
        )
        return Trainer(model, text, self.training)


@checked
def training_changes(options: Mapping[str, Any], saved: TrainerConfig) -> dict[str, Any]:
    """Options as changes of the training ``saved``, by fields of ``TrainerConfig``; None keeps the current value."""
    given = {name: value for name, value in options.items() if value is not None}
    optimizer = {field: given[name] for name, field in OPTIMIZER_OPTIONS.items() if name in given}
    changes = _chosen(given, TRAINING_OPTIONS)
    if optimizer:
        changes["optimizer"] = replace(saved.optimizer, **optimizer)
    return changes


def _chosen(given: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: given[name] for name in names if name in given}


def _value(name: str, value: object, present: Mapping[str, object]) -> object:
    """``value``, read as a number if a number is expected."""
    if name not in present:
        close = get_close_matches(name, present, n=1)
        hint = f"; did you mean {close[0]}?" if close else f", expected one of {', '.join(present)}"
        raise ArgumentError(f"{name}: there is no such setting{hint}")
    like = present[name]
    if isinstance(value, str) and isinstance(like, int | float) and not isinstance(like, bool):
        try:
            return type(like)(value)
        except ValueError:
            kind = "an integer" if isinstance(like, int) else "a number"
            raise ArgumentError(f"{name}: got {value!r}, expected {kind}") from None
    return value


#: Every setting's default by its name.
DEFAULTS: Mapping[str, Any] = RunConfig().options()
