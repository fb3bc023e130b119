"""Word vectors in a notebook: how many, how long, and some of the words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.escaping import escaped

if TYPE_CHECKING:
    from .word_vectors import WordVectors

SHOWN = 8  # words


def as_table(vectors: WordVectors) -> str:
    """A table in HTML."""
    first = ", ".join(word for word, _ in zip(vectors, range(SHOWN), strict=False))
    rows = {
        "words": f"{len(vectors):,}",
        "numbers in a vector": f"{vectors.vector_size:,}",
        "dtype": str(vectors.vectors.dtype),
        "first words": first + (", …" if len(vectors) > SHOWN else ""),
    }
    cells = "".join(f"<tr><th>{name}</th><td>{escaped(value)}</td></tr>" for name, value in rows.items())
    return f"<table>{cells}</table>"
