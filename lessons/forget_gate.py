"""The lesson "What does the forget gate do?", about five minutes; `make lesson` writes it anew.

Every number in a caption is taken from what is on the screen at that moment.
"""

from __future__ import annotations

import asyncio

from author import Author, lesson

from lstm_lab.text.flow import half_life, share

TITLE = "What does the forget gate do?"
SETTINGS: dict[str, object] = {"hidden_size": 32, "seed": 1, "threads": 1, "backend": "c"}
STEPS = 2000
#: The unit whose forget gate follows the ends of words; found by measuring, and checked when the lesson is made.
WORDS = 24


async def main() -> None:
    """The scenes, one after the other."""
    async with lesson("forget-gate", TITLE, "shakespeare", SETTINGS) as author:
        await one_cell(author)
        await the_way_back(author)
        await learning(author)
        await thirty_two_units(author)
        await without_it(author)
        await reach(author)
        await your_turn(author)


async def one_cell(author: Author) -> None:
    """Step: f scales the old memory."""
    await author.press("2", every=0.0)
    await author.until(lambda: author.screen.place is not None)
    await author.say("What does the forget gate of an LSTM do? Five minutes, every number measured as you watch.")
    await author.say("A network with three units reads 'hello' and predicts each next character. It is untrained.")
    await author.say(
        "Each unit has a memory, the cell state C. Four gates decide what happens to it at each character."
    )
    await author.press("right_square_bracket", every=0.3)
    value = here(author)
    await author.say(f"At the second character, 'e', unit 0 comes with the memory C₁ = {value('c_prev'):.4f}.", more=1)
    await goto(author, "a_f")
    await author.say(
        "The forget gate adds up reasons to keep it: from the last output, from this character, and a bias."
    )
    await goto(author, "f")
    await author.say(f"The sigmoid makes a number between 0 and 1 of the sum: f₂ = {value('f'):.4f}.")
    await author.say("So the name misleads: f near 1 keeps the memory, f near 0 forgets it.", more=1)
    await goto(author, "c")
    kept, new = value("f") * value("c_prev"), value("i") * value("g")
    await author.say(
        f"The new memory: f times the old one ({kept:.4f}), plus input gate times candidate ({new:.4f}).", more=2
    )


async def the_way_back(author: Author) -> None:
    """Step, backward: the same f scales the gradient."""
    await author.press("b", every=0.5)
    await author.say("Now backward. Learning sends the error back along the same path, from C₂ to C₁.")
    await goto(author, "dc_prev")
    value = here(author)
    await author.say(
        f"On that path the gradient is multiplied by f as well: {value('dc'):.4f} · {value('f'):.4f} = "
        f"{value('dc') * value('f'):.4f}. What is kept can be learned from.",
        more=2,
    )


async def learning(author: Author) -> None:
    """Train: 32 units on Shakespeare."""
    await author.press("1", every=0.0)
    await author.press("f", every=0.0)
    await author.say("A larger network: 32 units learn Shakespeare. Below, each row is one unit's forget gate.")
    await author.train(300, 6.0)
    await author.wait(2.0)
    await author.train(STEPS, 15.0)
    snapshot = author.trainer.snapshot()
    await author.say(
        f"{snapshot.step:,} steps: the loss is {snapshot.smoothed:.2f} nats per character. The samples begin to have "
        "words and lines.",
        more=3,
    )


async def thirty_two_units(author: Author) -> None:
    """Gates: what the gates do on text that was kept apart."""
    await author.press("4", every=0.0)
    await author.until(lambda: author.screen.look is not None)
    await author.press("f", every=0.0)
    units = author.screen.look.units
    values, text = units.values, units.text
    await author.say(
        f"Its forget gates on text it never learned from: {len(text):,} characters. The mean of all is "
        f"{values.mean():.2f}, so most is kept.",
        more=1,
    )
    await author.press("v", every=0.5)
    await author.say("In such a picture changes are lost. As distance from each unit's own mean, they show.", more=1)
    await author.press("s", every=0.5)
    await author.say("Sorted by variance: the units whose forget gate changes most come first.")
    ends = [k for k, letter in enumerate(text) if letter in " \n"]
    others = [k for k, letter in enumerate(text) if letter not in " \n"]
    drop = values[others].mean(axis=0) - values[ends].mean(axis=0)
    assert int(drop.argmax()) == WORDS, "another unit follows the ends of words"
    while author.screen.look.unit != WORDS:
        await author.press("down", every=0.4)
    await author.say(f"Unit {WORDS} opens and closes all the time. What does it follow?", more=1)
    await author.press("enter", every=0.5)
    await author.until(lambda: author.screen.look.followed is not None)
    at, elsewhere = values[ends, WORDS].mean(), values[others, WORDS].mean()
    await author.say(
        f"Its text, coloured by f. At spaces and line ends f is {at:.2f} on average, elsewhere {elsewhere:.2f}.", more=3
    )
    await author.say("Nobody told it what a word is. It learned to clear one memory wherever a word ends.", more=2)
    await author.press("escape", every=0.3)


async def without_it(author: Author) -> None:
    """Surgery: f held at 0, then at 1, then at 1 in the unit that cleared its memory at spaces."""
    await author.press("6", every=0.0)
    await measured(author, 1)
    before = author.screen.look.conditions[0]
    await author.say(
        f"What is all that good for? Surgery, on a copy. Its loss on unseen text is {before.evaluation.nats:.2f}."
    )
    await author.run("operate('f=0')", then=0.0)
    await measured(author, 2)
    nothing = author.screen.look.conditions[1]
    await author.say(
        f"All forget gates held at 0: no memory outlives a step. The loss rises to {nothing.evaluation.nats:.2f}.",
        more=3,
    )
    await author.run("undo", then=0.0)
    await author.run("operate('f=1')", then=0.0)
    await measured(author, 2)
    everything = author.screen.look.conditions[1]
    await author.say(
        f"Held at 1, nothing is ever forgotten. The loss is {everything.evaluation.nats:.2f}: in this network, that is "
        "far worse than to forget everything.",
        more=3,
    )
    spaces, length = everything.written.count(" "), len(everything.written)
    await author.say(
        f"Look at what it writes: words no longer end. {spaces} spaces in {length:,} characters; before, there were "
        f"{before.written.count(' ')}.",
        more=4,
    )
    await author.run("undo", then=0.0)
    await author.run(f"operate('f[{WORDS}]=1')", then=0.0)
    await measured(author, 2)
    one = author.screen.look.conditions[1]
    await author.say(
        f"Now only unit {WORDS} is held at 1, the one that cleared its memory at spaces. The loss is "
        f"{one.evaluation.nats:.2f}, with {one.written.count(' ')} spaces.",
        more=3,
    )


async def measured(author: Author, conditions: int) -> None:
    """Until loss and sample of as many conditions are known."""
    await author.until(lambda: author.screen.look is not None and len(author.screen.look.conditions) == conditions)
    await author.settle()


async def reach(author: Author) -> None:
    """Flow: what the bias does before anything has been learned."""
    await author.press("5", every=0.0)
    await author.until(lambda: author.screen.look is not None)
    await drawn(author)
    await author.say(
        "How far back can an error reach? Here are gradients by distance, in untrained networks too.", more=2
    )
    for bias in (1.0, 0.0, 3.0):
        await author.run(f"bias({bias})", then=0.0)
        await drawn(author)
        net = next(net for net in author.screen.look.nets if net.name == "LSTM")
        decay = net.decay(author.screen.look.state, 0)
        await author.say(
            f"Forget bias {bias:g}: {decay.lags} characters back, untrained LSTMs have {share(decay.median[-1])} of "
            f"the gradient left. It halves every {half_life(decay)} characters.",
            more=2,
        )


async def your_turn(author: Author) -> None:
    """What to try."""
    await author.say(
        "Now you. Press t to take over, here or at any moment, and - or + to move the forget bias.", more=1
    )
    await author.press("3", every=0.0)
    await author.until(lambda: author.screen.known is not None)
    await author.run("open('build_lstm')", then=0.0)
    await author.say(
        "In the course you write this cell yourself. lstm-lab experiment memory asks how far it remembers."
    )


def here(author: Author):  # type: ignore[no-untyped-def]
    """The values of unit 0 at the current character of the walk."""
    return lambda name: float(author.screen.place.moment.step.values[name][0])


async def goto(author: Author, stage: str) -> None:
    """On to a stage of the current character."""
    while author.screen.place.moment.stage.id != stage:
        await author.press("right", every=0.4)


async def drawn(author: Author) -> None:
    """Until all untrained networks have been measured."""
    await author.until(lambda: author.screen._missing() is None and not author.screen._drawing)
    await author.settle()


if __name__ == "__main__":
    asyncio.run(main())
