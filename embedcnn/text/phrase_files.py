"""Phrases in a file of UTF-8: a line of settings as JSON, then in each line a count (or score), a tab and a
word or phrase. Nothing in it is ever run.
"""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from embedcnn import _core

from ..base.arguments import integer
from ..base.replacement import replacing

FORMAT = "embedcnn phrases"
VERSION = 1
SETTINGS = ("min_count", "threshold", "delimiter", "scoring", "connector_words")


def entries(core: _core.Phrases) -> dict[str, Any]:
    """Each word's count, or each phrase's score."""
    text, values = core.entries()
    return dict(zip(text.decode("utf-8", "surrogatepass").split("\n")[:-1], values.tolist(), strict=True))


def state(phrases: Any) -> dict[str, Any]:
    """All of it, for pickle and copy."""
    kept = {name: value for name, value in phrases.__dict__.items() if name != "_table"}
    text, values = phrases._table.entries()
    return {**kept, "entries": text, "values": values, "sizes": phrases._table.sizes()}


def set_state(phrases: Any, state: dict[str, Any]) -> None:
    """Makes it what `state` said."""
    text, values, sizes = (state.pop(name) for name in ("entries", "values", "sizes"))
    phrases.__dict__.update(state)
    phrases._table = phrases._new_core(values.dtype == np.float64)
    phrases._table.restore(text, values, *sizes[1:])


def save(phrases: Any, path: str | os.PathLike[str]) -> None:
    """Writes the file. ValueError where the scoring is a function."""
    if callable(phrases.scoring):
        raise ValueError(
            "`save` cannot keep a function: phrases with `scoring` given as a function are pickled instead. "
            f"Received: scoring={phrases.scoring!r}"
        )
    settings = {
        "format": FORMAT,
        "version": VERSION,
        "kind": type(phrases).__name__,
        **{name: getattr(phrases, name) for name in SETTINGS[:-1]},
        "connector_words": sorted(phrases.connector_words),
        "max_vocab_size": getattr(phrases, "max_vocab_size", None),
        "sizes": phrases._table.sizes(),
    }
    text, values = phrases._table.entries()
    lines = text.split(b"\n")[:-1]
    with replacing(path) as file:
        file.write(json.dumps(settings).encode() + b"\n")
        for begin in range(0, len(values), 10000):
            some = zip(values[begin : begin + 10000].tolist(), lines[begin : begin + 10000], strict=True)
            file.write(b"".join(b"%s\t%s\n" % (repr(value).encode(), word) for value, word in some))


def load(phrases: Any, path: str | os.PathLike[str]) -> None:
    """Fills phrases with what was saved of their kind. ValueError for another file."""
    name, kind = os.fsdecode(path), type(phrases).__name__
    with open(path, "rb") as file:
        try:
            settings = json.loads(file.readline(1 << 24))
            ours = settings["format"] == FORMAT
        except (ValueError, KeyError, TypeError):
            ours = False
        if not ours:
            raise ValueError(
                f"{name}: no file that `save` of phrases wrote (gensim's are pickles, which run what they "
                "say: count again)"
            )
        found = settings.get("kind"), settings.get("version")
        if found != (kind, VERSION):
            raise ValueError(
                f"{name}: it holds {found[0]} of version {found[1]}, not {kind} of version {VERSION}"
            )
        try:
            _fill(phrases, settings, file.read().split(b"\n"))
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise ValueError(f"{name}: the file of phrases is damaged: {error}") from None


def _fill(phrases: Any, settings: dict[str, Any], lines: list[bytes]) -> None:
    if lines.pop():
        raise ValueError("it ends within a line")
    words, tokens, prunes = map(int, settings["sizes"])
    pairs = [line.split(b"\t", 1) for line in lines]
    if len(pairs) != words or any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"it has not the {words} words that it tells of")
    phrases._settle(**{name: settings[name] for name in SETTINGS})
    counted = settings["max_vocab_size"] is not None
    if counted:
        phrases.max_vocab_size = integer("max_vocab_size", settings["max_vocab_size"], 1, 2**31 - 2)
    number, dtype = (int, np.int64) if counted else (float, np.float64)
    values = np.array([number(pair[0]) for pair in pairs], dtype)
    phrases._table = phrases._new_core(not counted)
    phrases._table.restore(b"".join(pair[1] + b"\n" for pair in pairs), values, tokens, prunes)
