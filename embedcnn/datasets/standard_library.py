"""Sentences of the docstrings that every Python installation carries, labelled by package.

A real text-classification data set without a download: about 10 classes of technical English. The sources are
parsed, never imported. Other Python versions have other docstrings, hence other counts.
"""

from __future__ import annotations

import ast
import inspect
import os
import random
import re
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

from embedcnn.base.arguments import integer
from embedcnn.data.labelled import LabelledTexts

SKIPPED_FOLDERS = {
    "site-packages",
    "dist-packages",
    "test",
    "tests",
    "idle_test",
    "idlelib",
    "pydoc_data",
    "__pycache__",
}
LARGEST_CLASS = 1500
MINIMUM_WORDS = 4
PARAGRAPH = re.compile(r"\n[ \t]*\n")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'`(])")
CODE_LINE = re.compile(
    r"^\s*(>>>|\.\.\.|\$|#|@|def |class |import |from \S+ import |return |[\w.]+ ?=|[\w.]+\(.*\)$)"
)
LETTERS = re.compile(r"[^\W\d_]")


def standard_library_sentences(classes: int = 10, seed: int = 0) -> LabelledTexts:
    """Sentences from the docstrings of Python's own library, labelled by top-level package or module.

    About 6,400 sentences for `classes=10` on CPython 3.11 (the best-filled classes, at most 1,500 sentences
    each), at least 4 words each, none twice, in an order drawn by `seed`. The same for every call on one
    Python installation. ValueError where `classes` is below 2 or above the number of packages with a
    sentence; FileNotFoundError where the installation carries no sources.

    >>> sentences = standard_library_sentences(classes=3)
    >>> len(sentences.label_names), len(sentences) == len(set(sentences.texts))
    (3, True)
    """
    classes = integer("classes", classes, 2)
    root = Path(sysconfig.get_paths()["stdlib"])
    by_label = sentences_by_label(root)
    if not by_label:
        raise FileNotFoundError(
            f"no docstrings below {str(root)!r}: the sources of the standard library are not installed"
        )
    if classes > len(by_label):
        raise ValueError(f"classes: only {len(by_label)} packages have sentences. Received: {classes}")
    best = sorted(by_label, key=lambda label: (-len(by_label[label]), label))[:classes]
    generator = random.Random(seed)
    pairs = []
    for label in sorted(best):
        sentences = by_label[label]
        if len(sentences) > LARGEST_CLASS:
            sentences = generator.sample(sentences, LARGEST_CLASS)
        pairs += [(sentence, label) for sentence in sentences]
    generator.shuffle(pairs)
    return LabelledTexts([text for text, _ in pairs], [label for _, label in pairs], str(root))


def sentences_by_label(root: Path) -> dict[str, list[str]]:
    """All sentences of the library; one found in two classes has no clear label and is dropped."""
    found: dict[str, dict[str, str]] = {}  # normal form -> label -> sentence
    for path in sources(root):
        name = path.relative_to(root).parts[0].removesuffix(".py")
        label = name.removeprefix("_py").lstrip("_") if name.startswith("_py") else name.lstrip("_")
        for docstring in docstrings(path):
            for sentence in sentences_of(docstring):
                normal = " ".join(re.findall(r"\w+", sentence.casefold()))
                found.setdefault(normal, {}).setdefault(label, sentence)
    by_label: dict[str, list[str]] = {}
    for labels in found.values():
        if len(labels) == 1:
            for label, sentence in labels.items():
                by_label.setdefault(label, []).append(sentence)
    return by_label


def sources(root: Path) -> list[Path]:
    """All .py files outside the skipped folders, sorted."""
    found = []
    for folder, inner, files in os.walk(root):
        inner[:] = [name for name in inner if name not in SKIPPED_FOLDERS and not name.startswith("config-")]
        found += [Path(folder, name) for name in files if name.endswith(".py")]
    return sorted(found)


def docstrings(path: Path) -> Iterator[str]:
    """Docstrings of a module, its classes and functions, in the order of the source; none where it does not
    parse.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in sources that are not ours
            tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                yield inspect.cleandoc(first.value.value)
        inner = [child for name in ("body", "orelse", "handlers", "finalbody") for child in block(node, name)]
        pending += reversed(inner)


def block(node: ast.AST, name: str) -> list[ast.AST]:
    """A block of statements: only these can hold definitions, and skipping expressions is several times
    faster.
    """
    value = getattr(node, name, None)
    return value if isinstance(value, list) else []


def sentences_of(docstring: str) -> Iterator[str]:
    """Sentences of a docstring without doctests, code lines and fragments of fewer than four words."""
    for paragraph in PARAGRAPH.split(docstring):
        lines = paragraph.split("\n")
        if any(line.lstrip().startswith(">>>") for line in lines):
            continue  # a doctest: the lines that follow the prompt are output
        prose = " ".join(" ".join(line for line in lines if not CODE_LINE.match(line)).split())
        for sentence in SENTENCE_END.split(prose):
            words = [word for word in sentence.split() if LETTERS.search(word)]
            if len(words) >= MINIMUM_WORDS and len(LETTERS.findall(sentence)) >= 0.7 * len(
                sentence.replace(" ", "")
            ):
                yield sentence
