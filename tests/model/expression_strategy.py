"""Random expressions of the grammar, as text, with values at which they stay within the real numbers."""

from __future__ import annotations

from hypothesis import strategies as st

NAMES = ("x", "y", "z")
NUMBERS = st.sampled_from(["0", "1", "2", "3", "0.5", "1.25", "7e-3", "12"])


def _bigger(inner):
    pair = st.tuples(inner, inner)
    return st.one_of(
        pair.map(lambda p: f"({p[0]} + {p[1]})"),
        pair.map(lambda p: f"({p[0]} - {p[1]})"),
        pair.map(lambda p: f"({p[0]}*{p[1]})"),
        pair.map(lambda p: f"({p[0]}/(1 + abs({p[1]})))"),
        pair.map(lambda p: f"({p[0]}/(2 + {p[1]}**2)**3)"),
        st.tuples(inner, st.sampled_from(["2", "3", "1"])).map(lambda p: f"({p[0]})**{p[1]}"),
        pair.map(lambda p: f"(1 + abs({p[0]}))**tanh({p[1]})"),
        inner.map(lambda e: f"exp(-abs({e}))"),
        inner.map(lambda e: f"log(2 + abs({e}))"),
        inner.map(lambda e: f"sqrt(3 + ({e})**2)"),
        inner.map(lambda e: f"tanh({e})"),
        inner.map(lambda e: f"-({e})"),
        pair.map(lambda p: f"min({p[0]}, {p[1]})"),
        pair.map(lambda p: f"max({p[0]}, {p[1]})"),
    )


ALL = st.recursive(st.one_of(st.sampled_from(NAMES), NUMBERS), _bigger, max_leaves=8)


def _smooth(inner):
    pair = st.tuples(inner, inner)
    return st.one_of(
        pair.map(lambda p: f"({p[0]} + {p[1]})"),
        pair.map(lambda p: f"({p[0]} - {p[1]})"),
        pair.map(lambda p: f"({p[0]}*{p[1]})"),
        pair.map(lambda p: f"({p[0]}/(2 + {p[1]}**2))"),
        pair.map(lambda p: f"(1 + ({p[0]})**2)**tanh({p[1]})"),
        inner.map(lambda e: f"exp(-({e})**2)"),
        inner.map(lambda e: f"log(2 + ({e})**2)"),
        inner.map(lambda e: f"sqrt(3 + ({e})**2)"),
        inner.map(lambda e: f"tanh({e})"),
    )


SMOOTH = st.recursive(st.one_of(st.sampled_from(NAMES), NUMBERS), _smooth, max_leaves=6)
VALUES = st.floats(-2.0, 2.0, allow_nan=False).map(lambda v: round(v, 3))
