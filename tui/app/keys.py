"""What can be done on the screen right now, read from its bindings.

``BINDINGS`` of the screens, of their widgets and of the app are the one table of commands: the key
bar, the help screen and the command palette all show :func:`commands`, and keys run them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from textual.binding import ActiveBinding, Binding
from textual.dom import DOMNode
from textual.screen import Screen

#: The groups of commands, in the order in which help lists them.
TRAINING = Binding.Group("Training")
LEARNING = Binding.Group("Learning")
NETWORK = Binding.Group("Network and text")
MEASURING = Binding.Group("Measuring")
LOOKING = Binding.Group("Looking")
LAB = Binding.Group("Lab")
_ORDER = [group.description for group in (TRAINING, LEARNING, NETWORK, LOOKING, LAB)]


@dataclass(frozen=True)
class Command:
    """One thing that can be done: its keys as shown, its name, what it does, and how to run it."""

    id: str
    keys: tuple[str, ...]
    name: str
    what: str
    group: str
    action: str
    target: DOMNode
    on_bar: bool

    async def run(self) -> None:
        """Run it, as if its key had been pressed."""
        await self.target.app.run_action(self.action, self.target)


def bind(
    id: str, keys: str, action: str, name: str, what: str, group: Binding.Group, *, on_bar: bool = False
) -> Binding:
    """A row of the table: what ``keys`` do, as a word for the bar and a phrase for the help."""
    return Binding(keys, action, name, id=id, tooltip=what, group=group, show=on_bar)


def commands(screen: Screen[object]) -> list[Command]:
    """The commands of ``screen`` that are possible now, as they are declared, whatever keys the user has chosen for
    them; keys with the same id are one command."""
    keys: dict[str, list[str]] = {}
    actives: dict[str, ActiveBinding] = {}
    for active in screen.active_bindings.values():
        id = active.binding.id
        if id is not None and active.enabled and not active.binding.system:
            actives.setdefault(id, active)
            keys.setdefault(id, []).append(screen.app.get_key_display(active.binding))
    return [
        Command(
            id=id,
            keys=tuple(dict.fromkeys(keys[id])),
            name=active.binding.description,
            what=active.binding.tooltip,
            group=(active.binding.group or LAB).description,
            action=active.binding.action,
            target=active.node,
            on_bar=active.binding.show,
        )
        for id, active in sorted(actives.items(), key=_declared(actives.values()))
    ]


def by_group(found: Iterable[Command]) -> list[Command]:
    """Commands in the order of their groups; those of groups that only one screen has come first."""
    return sorted(found, key=lambda command: _ORDER.index(command.group) if command.group in _ORDER else -1)


def _declared(actives: Iterable[ActiveBinding]) -> Callable[[tuple[str, ActiveBinding]], tuple[int, int]]:
    """The order of commands: by the node that they belong to, then as its class has them."""
    nodes = list(dict.fromkeys(active.node for active in actives))
    ids = {node: list(_ids(type(node))) for node in nodes}
    return lambda entry: (nodes.index(entry[1].node), ids[entry[1].node].index(entry[0]))


def _ids(kind: type[DOMNode]) -> Iterator[str | None]:
    for base in reversed(kind.__mro__):
        for binding in vars(base).get("BINDINGS", ()):
            yield binding.id if isinstance(binding, Binding) else None
