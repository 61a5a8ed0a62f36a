"""Which lines of the engines compute a stage: pieces of them, each of which is in exactly one line of their sources.

``lstm_ext.explain.sources`` finds them. Those that all cells share are here; a cell's own are in its file.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Code:
    """Pieces of lines of the C core, and of its NumPy twin."""

    c: tuple[str, ...]
    numpy: tuple[str, ...]

    def __add__(self, other: Code) -> Code:
        return Code(self.c + other.c, self.numpy + other.numpy)


NOTHING = Code((), ())
#: W·x + b for all gates at once, and the gradient of these weights: of a symbol, and of the output of the layer below.
SYMBOL = Code(("add_rows(columns, Wx + (ptrdiff_t)p->symbols[",), ("Wx[x] if x.ndim == 2 else",))
DENSE = Code(("multiply(&(product){.M = rows, .N = columns, .K = D, .A = p->x",), SYMBOL.numpy)
SYMBOL_WEIGHTS = Code(("add_rows(N, row, da, row);",), ("da[here].sum(axis=0, out=dWx[symbol])",))
DENSE_WEIGHTS = Code(
    ("multiply_outer(&(product){.M = D, .N = N,",), ("np.matmul(x.reshape(-1, x.shape[2]).T, da, out=dWx)",)
)
#: What meets the last output, for all gates at once.
RECURRENT_C = "multiply(&(product){.M = p->B, .N = joint_columns("
LAST_STATE_C = ".h_before = before(p, p->h, t) + row,"
#: ∂L/∂h, from above and from the next step.
DH = Code(("vec dh = load_n(l->dh + u, n) + load_n(l->dh_next + u, n);",), ("dh = dh + dh_output[t]",))
#: What ∂L/∂h gets from the scores, at all steps at once.
FROM_SCORES = Code(
    ("multiply(&(product){.M = rows, .N = H, .K = V, .A = s->dlogits",), ('dh: np.ndarray = (rows @ weights["W"])',)
)
#: The gradient of what meets the last output, from all steps at once.
WEIGHTS_C = ("multiply_outer(&(product){.M = H, .N = joint_end - first",)

#: The stages around the cell: the prediction, its error, and the update.
AROUND = {
    "y": Code(
        ("multiply(&(product){.M = rows, .N = V, .K = H, .A = h, .lda = H, .B = m->packed.Wy",),
        ('logits: np.ndarray = (x.reshape(-1, x.shape[2]) @ w["W"].T',),
    ),
    "p": Code(("sum += vexp(load(y + v) - largest);",), ("exponentials = np.exp(rows - largest[:, None])",)),
    "loss": Code(("loss += s->log_totals[row] - (double)y[target];",), ("nats = np.log(exponentials.sum(axis=1",)),
    "dy": Code(
        ("store(dy + v, vexp(load(y + v) - (real)log_total) * scale);", "dy[target] -= scale;"),
        ("d /= d.sum(axis=2, keepdims=True)", "d[steps, lanes, targets[steps, lanes]] -= 1"),
    ),
    "dW_y": Code(
        ("multiply_outer(&(product){.M = V, .N = H, .K = rows, .A = s->dlogits",),
        ("np.matmul(rows.T, top.reshape(len(rows), -1)",),
    ),
    "norm": Code(("total += squares_of(count, g, i, clip);",), ("np.sqrt(np.sum(np.square(gradient",)),
    "scale": Code(("rule.scale = (real)(o->clip_norm / norm);",), ("gradient = gradient * (clip_norm / norm)",)),
    "step": Code(("load_n(flat->p + i, n) - rule->lr * step",), ("parameters -= lr * v",)),
    "after": Code(("total / (double)e->counted : 0;",), ("return float(nats.mean())",)),
}
