"""The built-in texts: something to learn from on any machine, with no download."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from ..arguments import checked

#: Name of a built-in text → what it is.
BUILTIN: Mapping[str, str] = MappingProxyType(
    {
        "hello": "the word hello, repeated",
        "abc": "abcabc…, repeated",
        "hamlet": "the opening of Hamlet's soliloquy",
        "shakespeare": "scenes from Shakespeare's plays (tinyshakespeare), 1,115,394 characters",
    }
)
#: What is learned where no text is named: losses on it can be compared with the literature.
DEFAULT_TEXT = "shakespeare"
#: A description of what can be named as a text.
TEXT_CHOICES = f"a text file or a built-in text: {', '.join(BUILTIN)}"

# William Shakespeare, Hamlet, act 3, scene 1.
_HAMLET = """\
To be, or not to be: that is the question:
Whether 'tis nobler in the mind to suffer
The slings and arrows of outrageous fortune,
Or to take arms against a sea of troubles,
And by opposing end them? To die: to sleep;
No more; and by a sleep to say we end
The heart-ache and the thousand natural shocks
That flesh is heir to, 'tis a consummation
Devoutly to be wish'd. To die, to sleep;
To sleep: perchance to dream: ay, there's the rub;
For in that sleep of death what dreams may come
When we have shuffled off this mortal coil,
Must give us pause: there's the respect
That makes calamity of so long life;
For who would bear the whips and scorns of time,
The oppressor's wrong, the proud man's contumely,
The pangs of despised love, the law's delay,
The insolence of office and the spurns
That patient merit of the unworthy takes,
When he himself might his quietus make
With a bare bodkin? who would fardels bear,
To grunt and sweat under a weary life,
But that the dread of something after death,
The undiscover'd country from whose bourn
No traveller returns, puzzles the will
And makes us rather bear those ills we have
Than fly to others that we know not of?
Thus conscience does make cowards of us all;
And thus the native hue of resolution
Is sicklied o'er with the pale cast of thought,
And enterprises of great pith and moment
With this regard their currents turn awry,
And lose the name of action. Soft you now!
The fair Ophelia! Nymph, in thy orisons
Be all my sins remember'd.
"""


def _shakespeare() -> str:
    """The text of Karpathy's char-rnn (2015), as it is distributed: public domain."""
    return gzip.decompress(Path(__file__).with_name("shakespeare.txt.gz").read_bytes()).decode()


_TEXTS: Mapping[str, Callable[[], str]] = {
    "hello": lambda: "hello " * 200,
    "abc": lambda: "abc" * 400,
    "hamlet": lambda: _HAMLET,
    "shakespeare": _shakespeare,
}


@checked
def builtin_text(name: str) -> str:
    """The built-in text of that name."""
    return _TEXTS[name]()
