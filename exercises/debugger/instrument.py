"""A learner's source, rewritten so that it tells every number that it computes and the line that computed it.

Only the bodies of functions change. Each arithmetic expression hands its value to a recorder, and after each
statement the recorder looks at the variables that the statement mentions. Values, line numbers and order of
evaluation stay as they were.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

#: The name of the recorder in the rewritten module.
RECORDER = "_lab_recorder"
_SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Delete)
_VALUES = (ast.BinOp, ast.Call, ast.UnaryOp, ast.Subscript, ast.IfExp, ast.List, ast.ListComp)


@dataclass(frozen=True)
class Statement:
    """Lines ``line`` to ``end`` of ``function``, the names that it mentions, ``x`` or ``self.x``, and those that it
    assigns."""

    line: int
    end: int
    function: str
    names: tuple[str, ...]
    assigned: frozenset[str]


@dataclass
class Instrumented:
    """The rewritten module and its statements; a statement's number is its place in the list."""

    tree: ast.Module
    statements: list[Statement] = field(default_factory=list)


def instrument(source: str, path: str) -> Instrumented:
    """Rewrites ``source``. Raises SyntaxError (or ValueError, for a null byte)."""
    result = Instrumented(ast.parse(source, path))
    for owner in [node for node in ast.walk(result.tree) if isinstance(node, (ast.Module, ast.ClassDef))]:
        for node in owner.body:
            if isinstance(node, ast.FunctionDef):
                name = f"{owner.name}.{node.name}" if isinstance(owner, ast.ClassDef) else node.name
                _Function(result, name).rewrite(node)
    ast.fix_missing_locations(result.tree)
    return result


class _Function(ast.NodeTransformer):
    """Rewrites one function."""

    def __init__(self, result: Instrumented, name: str) -> None:
        self._result, self._name, self._number = result, name, -1

    def rewrite(self, function: ast.FunctionDef) -> None:
        """In place. A generator's frame lives on its own: it stays as it is."""
        if any(isinstance(node, (ast.Yield, ast.YieldFrom, ast.Await)) for node in ast.walk(function)):
            return
        self._begin(function, function.lineno, function.lineno)
        enter = self._tell("enter", function.lineno)
        body: list[ast.stmt] = [*self._block(function.body)]
        leave = self._tell("leave", function.body[-1].end_lineno or function.lineno)
        guarded = ast.Try(body=body, handlers=[], orelse=[], finalbody=[leave])
        ast.copy_location(guarded, function.body[0])
        function.body = [enter, guarded]

    def _block(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        return [new for statement in statements for new in self._statement(statement)]

    def _statement(self, node: ast.stmt) -> list[ast.stmt]:
        line, end = node.lineno, node.end_lineno or node.lineno
        if isinstance(node, _SIMPLE):
            self._begin(node, line, end)
            return [self._values_of(node), self._tell("after", end)]
        if isinstance(node, ast.Return):
            self._begin(node, line, end)
            if node.value is not None:
                node.value = self._call("returned", self.visit(node.value))
            return [node]
        if isinstance(node, ast.FunctionDef):
            _Function(self._result, node.name).rewrite(node)
            return [node]
        if isinstance(node, ast.ClassDef):
            return [node]
        if isinstance(node, (ast.For, ast.While)):
            names: tuple[str, ...] = ()
            head = node.iter if isinstance(node, ast.For) else node.test
            self._begin(head, line, head.end_lineno or line)
            if isinstance(node, ast.For):
                node.iter = self.visit(node.iter)
                names = tuple(part.id for part in ast.walk(node.target) if isinstance(part, ast.Name))
            else:
                node.test = self.visit(node.test)
            number = self._number
            turn = self._tell("turn", line, *names)
            node.body = [turn, *self._block(node.body)]
            node.orelse = self._block(node.orelse)
            self._number = number
            return [node, self._tell("done", end)]
        if isinstance(node, (ast.If, ast.With, ast.Try, ast.Assert, ast.Raise)):
            for name in ("test", "exc", "msg"):
                if isinstance(value := getattr(node, name, None), ast.expr):
                    self._begin(value, line, value.end_lineno or line)
                    setattr(node, name, self.visit(value))
            for name in ("body", "orelse", "finalbody"):
                if isinstance(block := getattr(node, name, None), list):
                    setattr(node, name, self._block(block))
            for handler in getattr(node, "handlers", ()):
                handler.body = self._block(handler.body)
        return [node]

    def _values_of(self, node: ast.stmt) -> ast.stmt:
        """The statement with its right side rewritten; what is assigned to stays."""
        value = getattr(node, "value", None)
        if isinstance(value, ast.expr):
            node.value = self.visit(value)  # type: ignore[attr-defined]
        return node

    def visit(self, node: ast.AST) -> Any:
        """Hands an expression's value to the recorder, inner ones first."""
        if isinstance(node, (ast.Lambda, ast.JoinedStr, ast.Yield, ast.YieldFrom, ast.NamedExpr)):
            return node
        if isinstance(node, ast.Call):
            if not isinstance(node.func, ast.Name):
                node.func = self._function_of(node.func)
            node.args = [self.visit(argument) for argument in node.args]
            for keyword in node.keywords:
                keyword.value = self.visit(keyword.value)
            if isinstance(node.func, ast.Name) and node.func.id in ("super", "locals", "vars", "range", "len"):
                return node
        elif isinstance(node, ast.comprehension):
            node.iter = self.visit(node.iter)
            return node
        else:
            node = self.generic_visit(node)
        if isinstance(node, ast.Dict):
            # Of a dict over several lines, each entry has its own.
            node.values = [self._seen(value) if isinstance(value, ast.Name) else value for value in node.values]
        if isinstance(node, _VALUES) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            return self._seen(node)
        return node

    def _seen(self, node: ast.expr) -> ast.Call:
        """The expression with its value handed to the recorder, under its own line."""
        number, statement = self._number, self._result.statements[self._number]
        end = node.end_lineno or node.lineno
        if (node.lineno, end) != (statement.line, statement.end):
            self._number = len(self._result.statements)
            self._result.statements.append(Statement(node.lineno, end, self._name, (), frozenset()))
        call = self._call("value", node)
        self._number = number
        return call

    def _function_of(self, node: ast.expr) -> ast.expr:
        """``np.dot`` stays; of ``(a @ b).reshape`` the product is seen."""
        if isinstance(node, ast.Attribute):
            node.value = self._function_of(node.value)
            return node
        return self.visit(node)  # type: ignore[no-any-return]

    # ---------------------------------------------------------------------------- calls of the recorder

    def _begin(self, node: ast.AST, line: int, end: int) -> None:
        names: dict[str, None] = {}
        assigned = set()
        for part in ast.walk(node):
            if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
                name = f"{part.value.id}.{part.attr}"
            elif isinstance(part, ast.Name):
                name = part.id
            else:
                continue
            names[name] = None
            if isinstance(part.ctx, ast.Store):
                assigned.add(name)
        if isinstance(node, ast.FunctionDef):
            arguments = node.args
            names = {a.arg: None for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
        self._number = len(self._result.statements)
        self._result.statements.append(Statement(line, end, self._name, tuple(names), frozenset(assigned)))

    def _call(self, method: str, *arguments: ast.expr) -> ast.Call:
        recorder = ast.Attribute(ast.Name(RECORDER, ast.Load()), method, ast.Load())
        call = ast.Call(recorder, [ast.Constant(self._number), *arguments], [])
        place = arguments[0] if arguments and hasattr(arguments[0], "lineno") else None
        return ast.copy_location(call, place) if place is not None else call

    def _tell(self, method: str, line: int, *names: str) -> ast.Expr:
        """A statement that calls the recorder, on ``line``."""
        statement = ast.Expr(self._call(method, *(ast.Constant(name) for name in names)))
        for part in ast.walk(statement):
            part.lineno = part.end_lineno = line  # type: ignore[attr-defined]
            part.col_offset = part.end_col_offset = 0  # type: ignore[attr-defined]
        return statement
