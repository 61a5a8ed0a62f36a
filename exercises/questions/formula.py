"""Formulas as learners type them: parsed by a whitelist, never run, compared at random points, proved by algebra."""

from __future__ import annotations

import ast
import cmath
import math
import operator as operators
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from lstm_ext.errors import ArgumentError

#: A formula longer than this, or with more nodes, is refused
MAX_LENGTH, MAX_NODES, MAX_EXPONENT = 400, 200, 64
#: Points at which two formulas are compared, and the largest relative difference
POINTS, TOLERANCE = 12, 1e-9
#: A number, a name, an operator, or whatever else stands there
_TOKEN = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[^\W\d]\w*|\*\*|\S")

Number: TypeAlias = complex


class FormulaError(ArgumentError):
    """A text that is no formula in the given variables; the message is for the learner."""


def _sigmoid(x: Number) -> Number:
    return 1 / (1 + cmath.exp(-x))


FUNCTIONS: dict[str, Callable[[Number], Number]] = {
    "tanh": cmath.tanh,
    "sigmoid": _sigmoid,
    "exp": cmath.exp,
    "log": cmath.log,
    "ln": cmath.log,
    "sqrt": cmath.sqrt,
    "sinh": cmath.sinh,
    "cosh": cmath.cosh,
    "sech": lambda x: 1 / cmath.cosh(x),
    "abs": lambda x: complex(abs(x)),
}
_PRODUCT = "write * between factors"
#: What numbers and symbols have in common
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operators.add,
    ast.Sub: operators.sub,
    ast.Mult: operators.mul,
    ast.Div: operators.truediv,
    ast.Pow: operators.pow,
}
CONSTANTS: dict[str, Number] = {"pi": math.pi, "e": math.e}
#: Signs that people type or paste
_SIGNS = {"·": "*", "×": "*", "⊙": "*", "∘": "*", "−": "-", "–": "-", "÷": "/", "^": "**", "σ": "sigmoid", "²": "**2"}
_SIGNS |= {"³": "**3", "′": "_prime", "π": "pi", "ᵗ": "**t", "ᵀ": "**T"}


@dataclass(frozen=True)
class Formula:
    """A parsed formula."""

    text: str
    tree: ast.expr

    def at(self, values: Mapping[str, Number]) -> Number:
        """Its value with these numbers for its variables; NaN where it has none."""
        try:
            return _value(self.tree, values)
        except (ArithmeticError, ValueError):
            return complex(math.nan)


def parse(text: str, variables: tuple[str, ...]) -> Formula:
    """The formula in ``text`` in the given variables, with or without * between factors. Raises FormulaError."""
    if len(text) > MAX_LENGTH:
        raise FormulaError(f"the formula has {len(text)} characters; {MAX_LENGTH} are enough for every question")
    written = text.strip()
    for sign, plain in _SIGNS.items():
        written = written.replace(sign, plain)
    if not written:
        raise FormulaError("the formula is empty")
    if "=" in written:
        raise FormulaError("write only the right-hand side, without an equals sign")
    written = re.sub(r"\b(?:np|numpy|math)\s*\.\s*(?=[a-z])", "", written)
    try:
        return Formula(text.strip(), _tree(written, variables))
    except FormulaError as error:
        try:
            return Formula(text.strip(), _tree(_with_products(written, variables), variables))
        except FormulaError:
            raise error from None


def same(a: Formula, b: Formula, variables: tuple[str, ...], seed: int = 0) -> bool:
    """Whether both have the same value at random points, positive and negative, where ``b`` or ``a`` is real.

    Where neither is, both may be right and still lie on different branches of a logarithm.
    """
    pairs = [(a.at(point), b.at(point)) for point in _points(variables, seed)]
    real = [pair for pair in pairs if any(_real(value) for value in pair)]
    return all(_close(mine, right) for mine, right in real or pairs)


def constant_factor(a: Formula, b: Formula, variables: tuple[str, ...], seed: int = 0) -> float | None:
    """k if a = k·b everywhere, for a number k; else None."""
    ratios = []
    for point in _points(variables, seed):
        below = b.at(point)
        if below == 0:
            return None
        ratios.append(a.at(point) / below)
    k = ratios[0]
    if cmath.isnan(k) or abs(k.imag) > TOLERANCE or not all(_close(ratio, k) for ratio in ratios):
        return None
    return k.real


def variables_that_matter(formula: Formula, variables: tuple[str, ...], seed: int = 0) -> set[str]:
    """The variables on which the value depends."""
    found = set()
    for point in _points(variables, seed)[:3]:
        for name in variables:
            if not _close(formula.at(point), formula.at(point | {name: point[name] + 0.37})):
                found.add(name)
    return found


def proved(a: Formula, b: Formula) -> bool:
    """Whether a − b can be simplified to zero. False says nothing: not every true identity is proved."""
    import sympy

    try:
        difference = _symbolic(a.tree) - _symbolic(b.tree)
        return bool(sympy.simplify(difference.rewrite(sympy.exp)) == 0)
    except (ArithmeticError, ValueError, TypeError, RecursionError, AttributeError):
        return False


def _points(variables: tuple[str, ...], seed: int) -> list[dict[str, Number]]:
    generator = random.Random(seed)
    return [
        {name: complex(generator.uniform(0.15, 0.95) * generator.choice((1, 1, -1))) for name in variables}
        for _ in range(POINTS)
    ]


def _real(value: Number) -> bool:
    return cmath.isfinite(value) and abs(value.imag) <= TOLERANCE * max(1.0, abs(value))


def _close(a: Number, b: Number) -> bool:
    if cmath.isnan(a) or cmath.isnan(b):
        return cmath.isnan(a) and cmath.isnan(b)
    return abs(a - b) <= TOLERANCE * max(1.0, abs(a), abs(b))


def _tree(written: str, variables: tuple[str, ...]) -> ast.expr:
    try:
        tree = ast.parse(written, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise FormulaError(_advice(written, variables)) from None
    nodes = list(ast.walk(tree))
    if len(nodes) > MAX_NODES:
        raise FormulaError("the formula is too long")
    for node in nodes:
        _check(node, variables)
    return tree


def _with_products(written: str, variables: tuple[str, ...]) -> str:
    """``written`` with the * that mathematics leaves out: 2TH(H+D). After a / it could mean two things."""
    pieces: list[str] = []
    for token in _TOKEN.findall(written):
        parts = _letters(token, variables)
        for part in parts:
            before = pieces[-1] if pieces else ""
            ends = before == ")" or before[:1].isalnum() or before[:1] in ("_", ".")
            begins = part == "(" or part[:1].isalpha() or (part[:1].isalnum() and before == ")")
            if ends and begins and not (part == "(" and before not in variables and before[:1].isalpha()):
                if "/" in pieces:
                    raise FormulaError(_PRODUCT)
                pieces.append("*")
            pieces.append(part)
    return " ".join(pieces)


def _letters(name: str, variables: tuple[str, ...]) -> list[str]:
    """The variables of which an unknown name consists: TH is T and H."""
    known = name in variables or name in CONSTANTS or name in FUNCTIONS
    return list(name) if not known and len(name) > 1 and set(name) <= set(variables) else [name]


def _check(node: ast.AST, variables: tuple[str, ...]) -> None:
    match node:
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.Pow()):
            pass
        case ast.UnaryOp(op=ast.UAdd() | ast.USub()):
            pass
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            if abs(value) > 1e12:
                raise FormulaError("a number in the formula is too large")
        case ast.Call(func=ast.Name(id=name), args=[_], keywords=[]):
            if name not in FUNCTIONS:
                product = name in variables or len(_letters(name, variables)) > 1
                hint = "write * for a product" if product else f"known are {', '.join(FUNCTIONS)}"
                raise FormulaError(f"{name}(…) is no function here; {hint}")
        case ast.Name(id=name):
            if name not in variables and name not in CONSTANTS and name not in FUNCTIONS:
                if len(letters := _letters(name, variables)) > 1:
                    raise FormulaError(f"{_PRODUCT}: {'*'.join(letters)}, not {name}")
                raise FormulaError(f"{name} is unknown; the formula may use {', '.join(variables) or 'only numbers'}")
        case ast.operator() | ast.unaryop() | ast.Load():
            pass
        case _:
            raise FormulaError("only + - * / **, brackets, numbers, the variables and functions may stand in a formula")


def _value(node: ast.expr, values: Mapping[str, Number]) -> Number:
    match node:
        case ast.Constant(value=value):
            return complex(value)  # type: ignore[arg-type]
        case ast.Name(id=name):
            if name in values:
                return values[name]
            if name in CONSTANTS:
                return CONSTANTS[name]
            raise ValueError(name)
        case ast.UnaryOp(op=operator, operand=operand):
            value = _value(operand, values)
            return -value if isinstance(operator, ast.USub) else value
        case ast.Call(func=ast.Name(id=name), args=[argument]):
            return FUNCTIONS[name](_value(argument, values))
        case ast.BinOp(left=left, op=operator, right=right):
            a, b = _value(left, values), _value(right, values)
            if not isinstance(operator, ast.Pow) or abs(b) <= MAX_EXPONENT:
                return complex(_ARITHMETIC[type(operator)](a, b))
    raise ValueError("not a formula")


def _symbolic(node: ast.expr):  # type: ignore[no-untyped-def]
    """The SymPy expression of a checked tree, built node by node: SymPy's own parser would evaluate the text."""
    import sympy

    match node:
        case ast.Constant(value=value):
            return sympy.Integer(value) if isinstance(value, int) else sympy.nsimplify(value, rational=True)
        case ast.Name(id=name):
            return {"pi": sympy.pi, "e": sympy.E}.get(name) or sympy.Symbol(name, real=True)
        case ast.UnaryOp(op=operator, operand=operand):
            return -_symbolic(operand) if isinstance(operator, ast.USub) else _symbolic(operand)
        case ast.Call(func=ast.Name(id=name), args=[argument]):
            inner = _symbolic(argument)
            if name == "sigmoid":
                return 1 / (1 + sympy.exp(-inner))
            return getattr(sympy, {"abs": "Abs", "ln": "log"}.get(name, name))(inner)
        case ast.BinOp(left=left, op=operator, right=right):
            return _ARITHMETIC[type(operator)](_symbolic(left), _symbolic(right))
    raise ValueError("not a formula")


def _advice(written: str, variables: tuple[str, ...]) -> str:
    if re.search(r"[\w)]\s+[\w(]|\d[a-zA-Z(]|\)\(", written):
        return f"{_PRODUCT}, as in 2*a*b"
    if written.count("(") != written.count(")"):
        return "a bracket is missing"
    return f"this is no formula; it may use {', '.join(variables)}, numbers, + - * / ** and brackets"
