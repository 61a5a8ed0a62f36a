"""Other ways of being right, made from a solution: a grader that refuses one of them is wrong."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator


def rewritings(source: str) -> Iterator[tuple[str, str]]:
    """Programs that compute the same as ``source`` and look different, each with its name."""
    tree = ast.parse(source)
    for name, transformer in _TRANSFORMERS.items():
        changed = ast.unparse(ast.fix_missing_locations(transformer().visit(ast.parse(source))))
        if changed != ast.unparse(tree):
            yield name, changed
    yield "Windows line ends", source.replace("\n", "\r\n")
    yield "without comments", ast.unparse(tree)
    yield (
        "with helpers around it",
        f"import math\nimport sys\nDEBUG = False\n\n{source}\n\ndef helper(a, b=2):\n    return a\n",
    )
    yield "with a main part", f'{source}\nif __name__ == "__main__":\n    raise SystemExit(1)\n'


class _RenamedLocals(ast.NodeTransformer):
    """Every local variable that is no parameter gets another name."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        parameters = {a.arg for a in [*node.args.args, *node.args.kwonlyargs, *node.args.posonlyargs]}
        inner = [n for n in ast.walk(node) if isinstance(n, ast.FunctionDef | ast.Lambda) and n is not node]
        free = {n.id for f in inner for n in ast.walk(f) if isinstance(n, ast.Name)}
        assigned = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        names = assigned - parameters - free
        for n in ast.walk(node):
            if isinstance(n, ast.Name) and n.id in names:
                n.id = f"my_{n.id}"
        return node


class _SwappedFactors(ast.NodeTransformer):
    """a * b becomes b * a, and a + b becomes b + a, where neither is a text or a list."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        plain = not any(
            isinstance(n, ast.List | ast.Tuple | ast.JoinedStr | ast.ListComp)
            or (isinstance(n, ast.Constant) and isinstance(n.value, str))
            for side in (node.left, node.right)
            for n in ast.walk(side)
        )
        if isinstance(node.op, ast.Mult) and plain:
            node.left, node.right = node.right, node.left
        return node


class _MatmulCalls(ast.NodeTransformer):
    """a @ b becomes np.matmul(a, b)."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.MatMult):
            return ast.parse(f"np.matmul({ast.unparse(node.left)}, {ast.unparse(node.right)})", mode="eval").body
        return node


class _MinusAsPlus(ast.NodeTransformer):
    """a - b becomes a + -b."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Sub):
            return ast.BinOp(node.left, ast.Add(), ast.UnaryOp(ast.USub(), node.right))
        return node


class _Chatty(ast.NodeTransformer):
    """Every function prints a line when it is called."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.body.insert(0, ast.parse(f"print('in {node.name}')").body[0])
        return node


class _NoDocstrings(ast.NodeTransformer):
    """Docstrings go, and every function is annotated."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        for argument in node.args.args:
            argument.annotation = argument.annotation or ast.Constant("object")
        return node


class _ReturnedByName(ast.NodeTransformer):
    """``return x`` becomes ``result = x`` and ``return result``."""

    def visit_Return(self, node: ast.Return) -> ast.AST | list[ast.stmt]:
        if node.value is None:
            return node
        return [
            ast.Assign([ast.Name("the_result", ast.Store())], node.value),
            ast.Return(ast.Name("the_result", ast.Load())),
        ]


class _Decorated(ast.NodeTransformer):
    """Every function is wrapped by a decorator that takes anything."""

    def visit_Module(self, node: ast.Module) -> ast.AST:
        self.generic_visit(node)
        wrapper = "def _wrapped(f):\n    import functools\n    @functools.wraps(f)\n    def inner(*a, **k):\n        return f(*a, **k)\n    return inner\n"
        first = next(
            (i for i, s in enumerate(node.body) if isinstance(s, ast.FunctionDef | ast.ClassDef)), len(node.body)
        )
        node.body[first:first] = ast.parse(wrapper).body
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if not node.decorator_list:
            node.decorator_list = [ast.Name("_wrapped", ast.Load())]
        return node


_TRANSFORMERS: dict[str, Callable[[], ast.NodeTransformer]] = {
    "other names": _RenamedLocals,
    "factors swapped": _SwappedFactors,
    "np.matmul": _MatmulCalls,
    "minus as plus": _MinusAsPlus,
    "with prints": _Chatty,
    "no docstrings, annotated": _NoDocstrings,
    "returned by name": _ReturnedByName,
    "decorated": _Decorated,
}
