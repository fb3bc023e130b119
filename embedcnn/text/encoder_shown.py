"""A TextEncoder at a prompt and in a notebook: what its vocabulary holds, and how it cuts texts."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embedcnn.text.text_encoder import TextEncoder

ALWAYS = ("standardize", "split")
USUAL = {"ngrams": None, "output_sequence_length": None, "filters": "", "missing": "error"}
"""Settings that are shown where they differ from these."""


def as_text(encoder: TextEncoder) -> str:
    """One line."""
    listed = [f"{name}={value}" for name, value in _settings(encoder).items()]
    return f"<TextEncoder: {_vocabulary(encoder)}, {', '.join(listed)}>"


def as_table(encoder: TextEncoder) -> str:
    """A table in HTML."""
    rows = {"vocabulary": _vocabulary(encoder), **_settings(encoder)}
    cells = "".join(
        f"<tr><th>{name}</th><td>{html.escape(value, quote=False)}</td></tr>" for name, value in rows.items()
    )
    return f"<table>{cells}</table>"


def _vocabulary(encoder: TextEncoder) -> str:
    vocabulary = encoder.vocabulary
    if vocabulary is None:
        return "no vocabulary yet"
    some = ", ".join(map(repr, vocabulary.tokens[2:5]))
    more = ", ..." if len(vocabulary) > 5 else ""
    return f"{len(vocabulary):,} tokens ({some}{more})" if some else "2 tokens"


def _settings(encoder: TextEncoder) -> dict[str, str]:
    names = [*ALWAYS, *(name for name, usual in USUAL.items() if getattr(encoder, name) != usual)]
    return {name: repr(getattr(encoder, name)) for name in names}
