"""A fastText model: predictions, words and labels, files. Its bytes stay in the file, of which pages are read
when they are needed; several processes share them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from embedcnn import _core

from ..base.arguments import finite_number, integer
from ..base.replacement import replacing
from . import files

__all__ = ["FastText", "load_model"]


class FastText:
    """A model as fastText's Python has it; `load_model` makes one.

    The names are fastText's. Any number of threads may use a model at once; lists are predicted on all
    threads (`embedcnn.set_num_threads`).
    """

    def __init__(self, core: _core.FastTextModel, sections: Sequence[Any], label: str) -> None:
        self._core = core
        self._sections = tuple(sections)
        """Head, input and output, as bytes-like of the file or as arrays."""
        self._label = label
        self._facts = core.facts()
        self._names: list[str] | None = None
        self._words: list[str] | None = None

    @classmethod
    def _from_parts(
        cls,
        args: Mapping[str, Any],
        dictionary: bytes | bytearray | memoryview,
        input: Any,
        output: Any,
        label: str = "__label__",
        fold: bool | None = None,
    ) -> FastText:
        """A model from settings by fastText's names, the dictionary as it stands in a file
        (files.packed_dictionary), and matrices: float32 (rows, dim), or sections of a file.
        """
        head = files.packed_settings(args) + bytes(dictionary)
        core = _core.FastTextModel(head, input, output, label=label.encode(), fold=_fold(fold))
        return cls(core, (head, input, output), label)

    @classmethod
    def _from_file(cls, data: Any, name: str, label: str, fold: bool | None) -> FastText:
        try:
            core = _core.FastTextModel(data, label=label.encode(), fold=_fold(fold))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        view, ends = memoryview(data), core.facts()["ends"]
        return cls(core, [view[begin:end] for begin, end in zip((0, *ends), ends, strict=False)], label)

    @property
    def args(self) -> dict[str, Any]:
        """The settings of the model, by fastText's names.

        >>> _example().args["dim"]
        2
        """
        settings = self._core.settings()
        names = {number: name for name, number in files.LOSSES.items()}
        kinds = {number: name for name, number in files.KINDS.items()}
        return {**settings, "loss": names[settings["loss"]], "model": kinds[settings["model"]]}

    @property
    def labels(self) -> list[str]:
        """The labels in the order of their numbers.

        >>> _example().labels
        ['__label__no', '__label__yes']
        """
        return list(self._label_names())

    def _label_names(self) -> list[str]:
        if self._names is None:
            words = self._facts["words"]
            entries, _ = self._core.entries(words, words + self._facts["labels"])
            self._names = [_decoded(entry) for entry in entries]
        return self._names

    @property
    def words(self) -> list[str]:
        """The words in the order of their numbers; of a supervised model too.

        >>> _example().words
        ['bad', 'good', '</s>']
        """
        if self._words is None:
            self._words = [_decoded(entry) for entry in self._core.entries(0, self._facts["words"])[0]]
        return list(self._words)

    def predict(self, text: Any, k: int = 1, threshold: float = 0.0) -> tuple[Any, Any]:
        """The `k` most probable labels of a text, of which each has at least the probability `threshold`.

        Parameters
        ----------
        text : str of one line, or a list of them, predicted on all threads
        k : how many labels at most, -1: all
        threshold : probability, from which on labels are given

        Returns
        -------
        (labels, probabilities) : a tuple of str and float32 (labels,); for a list two lists, of lists of str
            and of arrays. Best first, equal ones in the order of `labels`. As fastText's: each probability is
            1e-5 above the model's, but at most 1.

        Raises
        ------
        TypeError, ValueError : something else than str, a text with a newline, a model without labels

        Examples
        --------
        >>> _example().predict("good good")
        (('__label__yes',), array([0.8808...], dtype=float32))
        >>> _example().predict(["good", "bad"])[0]
        [['__label__yes'], ['__label__no']]
        """
        k = integer("k", k)
        threshold = float(finite_number("threshold", threshold))
        single = isinstance(text, str)
        if not single and isinstance(text, (bytes, Mapping)) or not hasattr(text, "__iter__"):
            raise TypeError(f"`text` must be a str or a list of str. Received: {type(text).__name__}")
        found, shares = self._core.predict([text] if single else text, k, threshold, self._label_names())
        return (tuple(found[0]), shares[0]) if single else (found, shares)

    def is_quantized(self) -> bool:
        """Whether rows are codes of a product quantiser (.ftz).

        >>> _example().is_quantized()
        False
        """
        return self._facts["input_quantised"]

    def get_dimension(self) -> int:
        """Floats of a vector; of a folded model as many as it has labels.

        >>> _example().get_dimension()
        2
        """
        return self._core.settings()["dim"]

    def save_model(self, path: str | os.PathLike[str]) -> None:
        """Writes a file that fastText reads, too; whole or not at all.

        >>> import tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "model.bin")
        >>> _example().save_model(path)
        >>> load_model(path).labels
        ['__label__no', '__label__yes']
        """
        with replacing(path) as file:
            file.write(self._sections[0])
            files.write_matrix(file, self._sections[1])
            files.write_matrix(file, self._sections[2])


def load_model(
    path: str | os.PathLike[str] | bytes | bytearray | memoryview,
    fold: bool | None = None,
    label: str = "__label__",
) -> FastText:
    """The model in a file that fastText (0.9: formats 11 and 12) or `save_model` wrote, .bin or .ftz.

    Parameters
    ----------
    path : a file, which is mapped and must not change while the model is used; or its bytes
    fold : whether a table of one float a label for each row takes the place of the rows when texts are
        predicted: many times faster, same labels, probabilities within 1e-6. None: where there are at most
        half as many labels as floats in a row
    label : what labels start with; a file does not say it

    Raises
    ------
    OSError : the file cannot be read
    ValueError : it is no such file, or damaged; the message says where

    Examples
    --------
    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "model.bin")
    >>> _example().save_model(path)
    >>> load_model(path).predict("bad")[0]
    ('__label__no',)
    """
    if isinstance(path, (bytes, bytearray, memoryview)):
        return FastText._from_file(bytes(path), "the bytes of a model", label, fold)
    return FastText._from_file(files.mapped(path), os.fspath(path), label, fold)


def _fold(fold: bool | None) -> int:
    return -1 if fold is None else int(bool(fold))


def _decoded(word: bytes) -> str:
    return word.decode("utf-8", "surrogateescape")


def _example() -> FastText:
    """A model that tells good from bad, for examples."""
    words = [(b"bad", 4), (b"good", 3), (b"</s>", 7)]
    labels = [(b"__label__no", 4), (b"__label__yes", 3)]
    rows = np.array([[4, 0], [0, 3], [0, 0]], np.float32)
    output = np.eye(2, dtype=np.float32)
    args = {"dim": 2, "bucket": 0}
    return FastText._from_parts(args, files.packed_dictionary(words, labels, 14), rows, output)
