"""Broken files as learners leave them, and what the check says: none of them is made from the mutants.

The exercise is clip_gradients, whose file is ``coding_b3_clip_gradients.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

RIGHT = """import numpy as np

def clip_gradients(grads, max_norm):
    norm = np.sqrt(sum(float((g * g).sum()) for g in grads))
    factor = min(1.0, max_norm / norm) if norm > 0 else 1.0
    return [g * factor for g in grads]
"""
CALL = "clip_gradients(grads, max_norm)"
NO_RETURN = "A function without a return statement returns None."
ALLOWED = "It may read and write in its own folder, without a network and without other programs."
LINE_BEFORE = "Look at the line, and at the one before it."


def right(*first: str) -> str:
    """A right answer whose function begins with ``first``, from line 6 on."""
    start = "import os\nimport sys\nimport numpy as np\n\ndef clip_gradients(grads, max_norm):\n"
    return start + "".join(f"    {line}\n" for line in first) + RIGHT.partition("max_norm):\n")[2]


def returning(expression: str, before: str = "") -> str:
    """A file whose function returns ``expression``."""
    return f"import numpy as np\n{before}\ndef clip_gradients(grads, max_norm):\n    return {expression}\n"


@dataclass(frozen=True)
class Broken:
    """A file, and what the first broken rung says of it."""

    name: str
    content: str | bytes
    #: Rung and code
    where: tuple[str, str]
    #: The whole message; … stands for anything, where Python's or NumPy's versions differ
    message: str
    line: int = 0
    #: The text of that line
    source: str = ""
    next: str = ""
    #: Other files in the folder
    beside: Mapping[str, str] = field(default_factory=dict)
    #: What the machine has to have for it: landlock, seccomp
    needs: str = ""


# --------------------------------------------------------------------------------------- files that are no program

UNREADABLE = [
    Broken("empty", "", ("runs", "empty"), "The file is empty: 0 bytes."),
    Broken("white space", " \n\t\n", ("runs", "empty"), "The file is empty: nothing but white space."),
    Broken("comments alone", "# later\n", ("names", "name"), "Your file has no clip_gradients."),
    Broken(
        "UTF-16",
        RIGHT.encode("utf-16"),
        ("runs", "encoding"),
        "The file's text cannot be read: it is UTF-16.",
        next="Save it as UTF-8.",
    ),
    Broken(
        "UTF-16 without a mark",
        RIGHT.encode("utf-16-be"),
        ("runs", "encoding"),
        "The file's text cannot be read: line 1 has a NUL byte; it may be UTF-16.",
        1,
    ),
    Broken(
        "Latin-1",
        b"import numpy\n# na\xefve\n" + RIGHT.encode(),
        ("runs", "encoding"),
        "The file's text cannot be read: line 2 has the byte 0xef, which is not UTF-8; it may be Latin-1.",
        2,
        "# naïve",
    ),
    Broken(
        "an encoding that is none",
        "# -*- coding: klingon -*-\n" + RIGHT,
        ("runs", "encoding"),
        "The file's text cannot be read: it declares the encoding klingon, which Python does not know.",
        1,
    ),
    Broken(
        "a NUL byte",
        RIGHT.encode().replace(b"float", b"flo\0at"),
        ("runs", "encoding"),
        "The file's text cannot be read: line 4 has a NUL byte; the file may be damaged.",
        4,
    ),
    Broken(
        "too large",
        "x = 1\n" * 200_000,
        ("runs", "missing"),
        "The file cannot be read: coding_b3_clip_gradients.py is larger than 1 MB.",
    ),
    Broken(
        "half-written",
        RIGHT[:150],
        ("runs", "syntax"),
        "Python cannot read the file: SyntaxError: '(' was never closed.",
        5,
        "factor = min(1.0, max_norm /",
        LINE_BEFORE,
    ),
    Broken(
        "tabs and spaces",
        "def clip_gradients(grads, max_norm):\n    if grads:\n        total = 0\n\treturn grads\n",
        ("runs", "syntax"),
        "Python cannot read the file: TabError: inconsistent use of tabs and spaces in indentation.",
        4,
        "return grads",
    ),
    Broken(
        "no colon",
        f"def {CALL}\n    return grads\n",
        ("runs", "syntax"),
        "Python cannot read the file: SyntaxError: expected ':'.",
        1,
        f"def {CALL}",
    ),
    Broken(
        "Python 2",
        f"def {CALL}:\n    print grads\n",
        ("runs", "syntax"),
        "Python cannot read the file: SyntaxError: Missing parentheses in call to 'print'. Did you mean print(...)?",
        2,
        "print grads",
    ),
    Broken(
        "not indented",
        f"def {CALL}:\nreturn grads\n",
        ("runs", "syntax"),
        "Python cannot read the file: IndentationError: expected an indented block after function definition…",
        2,
        "return grads",
    ),
    Broken(
        "parentheses without end",
        "x = " + "(" * 10_000 + ")" * 10_000,
        ("runs", "syntax"),
        "Python cannot read the file: …nested….",
        1,
        "x = " + "(" * 196,
    ),
]

# -------------------------------------------------------------------------------------------- names and modules

NAMES = [
    Broken(
        "misspelled",
        RIGHT.replace("clip_gradients", "clip_gradient"),
        ("names", "name"),
        "Your file has no clip_gradients. There is 'clip_gradient': is that the one?",
        next="Keep the names given.",
    ),
    Broken(
        "inside another function",
        f"def solve():\n    def {CALL}:\n        return grads\n",
        ("names", "name"),
        "Your file has no clip_gradients.",
    ),
    Broken("a number", "clip_gradients = 5.0\n", ("names", "name"), "clip_gradients cannot be called."),
    Broken(
        "one argument",
        RIGHT.replace(", max_norm):", "):"),
        ("names", "signature"),
        f"clip_gradients takes 1 argument, wanted are 2: {CALL}.",
    ),
    Broken(
        "three arguments",
        RIGHT.replace("max_norm)", "max_norm, axis)", 1),
        ("names", "signature"),
        f"clip_gradients takes 3 arguments, wanted are 2: {CALL}.",
    ),
    Broken(
        "a package that is not there",
        "import no_such_package\n" + RIGHT,
        ("runs", "import"),
        "An import failed: ModuleNotFoundError: No module named 'no_such_package'.",
        1,
        "import no_such_package",
        "NumPy, lstm_ext and files beside yours can be imported. Check the names; two files cannot import each other.",
    ),
    Broken(
        "numpy.py",
        RIGHT,
        ("runs", "shadow"),
        "In your folder, numpy.py hides the module numpy.",
        1,
        "import numpy as np",
        "Give that file another name.",
        {"numpy.py": "raise SystemExit\n"},
    ),
    Broken(
        "a folder numpy",
        RIGHT,
        ("runs", "shadow"),
        "In your folder, numpy/ hides the module numpy.",
        1,
        "import numpy as np",
        beside={"numpy/__init__.py": ""},
    ),
    Broken(
        "json.py, which NumPy needs",
        RIGHT,
        ("runs", "shadow"),
        "In your folder, json.py hides the module json.",
        beside={"json.py": "while True: pass\n"},
    ),
    Broken(
        "random.py, which it imports",
        "import math, random\n" + RIGHT,
        ("runs", "shadow"),
        "In your folder, random.py hides the module random.",
        1,
        "import math, random",
        beside={"random.py": "x = 1\n"},
    ),
    Broken(
        "two files that import each other",
        "from helper import square\nLIMIT = 5\n" + RIGHT,
        ("runs", "import"),
        "An import failed: ImportError: cannot import name 'LIMIT' from … (helper.py, line 1).",
        1,
        "from helper import square",
        beside={"helper.py": "from coding_b3_clip_gradients import LIMIT\nsquare = 1\n"},
    ),
    Broken(
        "a syntax error in a file beside it",
        "import os\nimport helper\n" + RIGHT,
        ("runs", "syntax"),
        "Python cannot read the file: SyntaxError: '(' was never closed (helper.py, line 2).",
        2,
        "import helper",
        beside={"helper.py": "x = 1\ny = (1\n"},
    ),
    Broken(
        "an error in a file beside it",
        "from helper import ratio\n" + right("ratio(0)"),
        ("shape", "raised"),
        "Your code stopped with an error: ZeroDivisionError: … (helper.py, line 2).",
        7,
        "ratio(0)",
        beside={"helper.py": "def ratio(n):\n    return 1 / n\n"},
    ),
]

# ------------------------------------------------------------------------------------------------ ends and no ends

ENDS = [
    Broken(
        "sys.exit when imported",
        "import sys\nsys.exit('done')\n",
        ("runs", "exit"),
        "Your code ended the program: sys.exit('done') was called.",
        2,
        "sys.exit('done')",
    ),
    Broken(
        "quit in the function",
        right("quit()"),
        ("shape", "exit"),
        "Your code ended the program: sys.exit() was called.",
        6,
        "quit()",
    ),
    Broken(
        "os._exit",
        right("os._exit(0)"),
        ("shape", "exit"),
        "Your code ended the program: os._exit(0) was called.",
        next="Take the call out: the grader has to go on after it.",
    ),
    Broken(
        "an endless loop",
        right("i = 0", "while i < len(grads): norm = 1"),
        ("shape", "time"),
        "Your code did not come to an end: no end after 0.5 s.",
        7,
        "while i < len(grads): norm = 1",
        "Look for a loop whose condition never becomes false.",
    ),
    Broken(
        "an endless loop that catches everything",
        right("from contextlib import suppress", "while True:", "    with suppress(BaseException): sys.exit()"),
        ("shape", "time"),
        "Your code did not come to an end: no end after 0.5 s.",
        8,
        "with suppress(BaseException): sys.exit()",
    ),
    Broken(
        "an endless loop inside C when imported",
        "import os\ntotal = sum(range(10**12))\n",
        ("runs", "time"),
        "Your code did not come to an end: no end after 0.5 s.",
        2,
        "total = sum(range(10**12))",
    ),
    Broken(
        "waiting without end",
        right("import threading", "threading.Event().wait()"),
        ("shape", "time"),
        "Your code did not come to an end: no end after 0.5 s.",
        7,
        "threading.Event().wait()",
    ),
    Broken(
        "waiting for the keyboard",
        "limit = float(input('limit? '))\n" + RIGHT,
        ("runs", "input"),
        "Your code waits for somebody to type: EOFError: EOF when reading a line.",
        1,
        "limit = float(input('limit? '))",
        "Nobody can: write the value into the file.",
    ),
    Broken(
        "a print in an endless loop",
        right("while True: print(grads[0])"),
        ("shape", "output"),
        "Your code printed too much: more than 1000000 characters.",
        6,
        "while True: print(grads[0])",
        "Take prints out of loops.",
    ),
    Broken(
        "output past Python",
        right("while True: os.write(1, b'norm ' * 100)"),
        ("shape", "output"),
        "Your code printed too much: more than 1 MB.",
    ),
    Broken(
        "recursion",
        right(f"return {CALL}"),
        ("shape", "recursion"),
        "Your code calls itself without end: RecursionError: maximum recursion depth exceeded….",
        6,
        f"return {CALL}",
    ),
    Broken(
        "a segmentation fault",
        right("import ctypes", "ctypes.string_at(0)"),
        ("shape", "killed"),
        "Your code crashed the interpreter: Segmentation fault (SIGSEGV).",
        7,
        "ctypes.string_at(0)",
    ),
    Broken(
        "abort",
        right("os.abort()"),
        ("shape", "killed"),
        "Your code crashed the interpreter: Aborted (SIGABRT).",
        6,
        "os.abort()",
    ),
    Broken(
        "too much memory at once",
        right("table = np.ones((10**6, 10**6))"),
        ("shape", "memory"),
        "Your code needs too much memory: …MemoryError: Unable to allocate 7.28 TiB for an array with shape …"
        " and data type float64.",
        6,
        "table = np.ones((10**6, 10**6))",
        "Look for an array that is larger than you think.",
    ),
    Broken(
        "too much memory bit by bit",
        right("kept = []", "while True: kept.append(bytearray(50_000_000))"),
        ("shape", "memory"),
        "Your code needs too much memory: MemoryError.",
        7,
        "while True: kept.append(bytearray(50_000_000))",
    ),
]

# --------------------------------------------------------------------------------------------------- what is returned

RETURNS = [
    Broken(
        "printed, not returned",
        f"def {CALL}:\n    print(grads)\n",
        ("shape", "missing"),
        f"clipped[0] is missing: {CALL} returned None.",
        next=NO_RETURN,
    ),
    Broken(
        "a generator",
        f"def {CALL}:\n    yield grads\n",
        ("shape", "missing"),
        f"clipped[0] is missing: {CALL} returned a value of type generator.",
    ),
    Broken(
        "the first alone",
        returning("[g * 1.0 for g in grads][:1]"),
        ("shape", "missing"),
        f"clipped[1] is missing: {CALL} returned 1 values.",
    ),
    Broken(
        "one long array",
        returning("np.concatenate([g.ravel() for g in grads])"),
        ("shape", "shape"),
        "clipped[0] has shape (25,), wanted is (3,).",
    ),
    Broken(
        "columns",
        returning("[g[..., None] for g in grads]"),
        ("shape", "shape"),
        "clipped[0] has shape (3, 1), wanted is (3,).",
    ),
    Broken(
        "whole numbers",
        returning("[g.astype(int) for g in grads]"),
        ("shape", "dtype"),
        "clipped[0] has dtype int64, wanted is float64.",
    ),
    Broken(
        "single precision",
        RIGHT.replace("g * factor", "np.float32(g * factor)"),
        ("shape", "dtype"),
        "clipped[0] has dtype float32, wanted is float64.",
    ),
    Broken(
        "objects that cannot be arrays",
        returning("[A()] * 5", "class A:\n    def __array__(self, *a, **k): raise KeyError('no')\n"),
        ("shape", "kind"),
        "clipped[0] is a value of type A.",
    ),
    Broken(
        "objects that exit when looked at",
        returning("[A()] * 5", "class A:\n    def __array__(self, *a, **k): raise SystemExit\n"),
        ("shape", "exit"),
        "Your code ended the program: sys.exit() was called.",
        3,
        "def __array__(self, *a, **k): raise SystemExit",
    ),
    Broken(
        "a list within itself",
        returning("tangle * 5", "tangle = []\ntangle.append(tangle)\n"),
        ("shape", "kind"),
        "clipped[0] is a value of type list.",
    ),
    Broken(
        "gigantic arrays",
        returning("[np.broadcast_to(1.0, (10**6, 10**6))] * 5"),
        ("shape", "kind"),
        "clipped[0] is a value of type ndarray of shape (1000000, 1000000).",
    ),
    Broken(
        "a dictionary with odd keys",
        returning("{b'x': 1, 2: grads, None: 3}"),
        ("shape", "missing"),
        f"clipped[0] is missing: {CALL} returned a value of type dict.",
    ),
    Broken(
        "an error without a text",
        right("class Odd(Exception):", "    def __str__(self): raise ValueError", "raise Odd"),
        ("shape", "raised"),
        "Your code stopped with an error: Odd.",
        8,
        "raise Odd",
    ),
    Broken(
        "an unknown name",
        right("total = nrom"),
        ("shape", "raised"),
        "Your code stopped with an error: NameError: name 'nrom' is not defined.",
        6,
        "total = nrom",
    ),
    Broken(
        "Python's sum over arrays of several shapes",
        returning("[g / np.sqrt(sum(g * g for g in grads)) for g in grads]"),
        ("shape", "raised"),
        "Your code stopped with an error: ValueError: operands could not be broadcast together with shapes (3,) (4,2).",
        4,
        "return [g / np.sqrt(sum(g * g for g in grads)) for g in grads]",
        "Look at the line; printing shapes just before it often helps.",
    ),
    Broken(
        "a list emptied by a loop",
        f"def {CALL}:\n    done = []\n    while grads:\n        done.append(grads.pop(0) * 0.5)\n    return done\n",
        ("purity", "mutated"),
        f"Your code changed its argument grads of {CALL}.",
    ),
    Broken(
        "of length 1, whatever the limit",
        returning("[g / np.sqrt(sum((a * a).sum() for a in grads)) for g in grads]"),
        ("values", "wrong"),
        "clipped[0] is wrong (relative error 0.43).",
    ),
]

# ------------------------------------------------------------------------------------------------- what is not allowed

DENIED = [
    Broken(
        "reads the system's files",
        right("open('/etc/passwd')"),
        ("shape", "denied"),
        "Your code touched something that the grader does not allow: PermissionError: [Errno 13] Permission denied:"
        " '/etc/passwd'.",
        6,
        "open('/etc/passwd')",
        ALLOWED,
        needs="landlock",
    ),
    Broken(
        "writes outside its folder",
        "open('../outside.txt', 'w')\n" + RIGHT,
        ("runs", "denied"),
        "Your code touched something that the grader does not allow: PermissionError: [Errno 13] Permission denied:"
        " '../outside.txt'.",
        1,
        "open('../outside.txt', 'w')",
        needs="landlock",
    ),
    Broken(
        "downloads something",
        "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:9/')\n",
        ("runs", "denied"),
        "Your code touched something that the grader does not allow: URLError: <urlopen error [Errno 1] Operation not"
        " permitted>.",
        2,
        "urllib.request.urlopen('http://127.0.0.1:9/')",
        needs="seccomp",
    ),
    Broken(
        "runs another program",
        "import subprocess\nsubprocess.run(['pip', 'install', 'torch'])\n",
        ("runs", "denied"),
        "Your code touched something that the grader does not allow: PermissionError: …",
        2,
        "subprocess.run(['pip', 'install', 'torch'])",
        needs="seccomp",
    ),
    Broken(
        "a fork bomb",
        right("while True: os.fork()"),
        ("shape", "denied"),
        "Your code touched something that the grader does not allow: PermissionError: [Errno 1] Operation not"
        " permitted.",
        6,
        "while True: os.fork()",
        needs="seccomp",
    ),
    Broken(
        "kills the program that started it",
        right("os.kill(os.getppid(), 9)"),
        ("shape", "denied"),
        "Your code touched something that the grader does not allow: PermissionError: [Errno 1] Operation not"
        " permitted.",
        6,
        "os.kill(os.getppid(), 9)",
        needs="seccomp",
    ),
    Broken(
        "closes all files",
        right("os.closerange(3, 100)"),
        ("shape", "denied"),
        "Your code touched something that the grader does not allow: it closed the grader's pipe.",
    ),
    Broken(
        "fills the disk",
        right("f = open('big', 'wb')", "while True: f.write(b'x' * 10**6)"),
        ("shape", "raised"),
        "Your code stopped with an error: OSError: [Errno 27] File too large.",
        7,
        "while True: f.write(b'x' * 10**6)",
    ),
    Broken(
        "replaces a function of NumPy",
        "import numpy as np\nnp.sqrt = lambda x: x ** 0.5\n" + RIGHT,
        ("runs", "patched"),
        "Your code changes what others need, too: it replaces numpy.sqrt.",
        2,
        "np.sqrt = lambda x: x ** 0.5",
        "Give your own function another name.",
    ),
    Broken(
        "replaces a function of NumPy when called",
        right("np.linalg.norm = max"),
        ("shape", "patched"),
        "Your code changes what others need, too: it replaces numpy.linalg.norm.",
        6,
        "np.linalg.norm = max",
    ),
    Broken(
        "replaces a function of Python",
        "import builtins\nbuiltins.sum = max\n" + RIGHT,
        ("runs", "patched"),
        "Your code changes what others need, too: it replaces builtins.sum.",
        2,
        "builtins.sum = max",
    ),
]

BROKEN = [*UNREADABLE, *NAMES, *ENDS, *RETURNS, *DENIED]

#: Odd, and right: each passes
HARMLESS: dict[str, str | bytes] = {
    "a mark and Windows line ends": b"\xef\xbb\xbf" + RIGHT.replace("\n", "\r\n").encode(),
    "old Macintosh line ends": RIGHT.replace("\n", "\r").encode(),
    "Latin-1, declared": b"# -*- coding: latin-1 -*-\n# na\xefve\n" + RIGHT.encode(),
    "prints": right("print('norm', grads)"),
    "closes standard output": right("sys.stdout.close()", "print(1)"),
    "loses standard output": right("sys.stdout = sys.stderr = None"),
    "a thread without end": "import threading\nthreading.Thread(target=threading.Event().wait).start()\n" + RIGHT,
    "a busy thread": "import threading\ndef spin():\n    while True: pass\nthreading.Thread(target=spin).start()\n"
    + RIGHT,
    "NumPy's errors raise": "import numpy as np\nnp.seterr(all='raise')\n" + RIGHT,
    "warnings are errors": "import warnings\nwarnings.simplefilter('error')\n" + RIGHT,
    "works in another folder": "import os\nos.chdir('/')\n" + RIGHT,
    "a main part": RIGHT + "\nif __name__ == '__main__':\n    1 / 0\n",
    "arrays of a subclass": returning(
        "[(g * min(1.0, max_norm / n) if (n := norm(grads)) else g).view(Odd) for g in grads]",
        "class Odd(np.ndarray):\n    def copy(self): raise ValueError\n    def __eq__(self, other): raise ValueError\n"
        "def norm(grads): return np.sqrt(sum((g * g).sum() for g in grads))\n",
    ),
}
