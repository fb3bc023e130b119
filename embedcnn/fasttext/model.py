"""A fastText model: predictions, words and labels, files. Its bytes stay in the file, of which pages are read
when they are needed; several processes share them.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from embedcnn import _core

from ..base.arguments import boolean, finite_number, integer, optional
from ..base.checked import checked
from ..base.replacement import replacing
from ..vectors.mapped import MappedFile
from ..vectors.word_vectors import Subwords, WordVectors
from . import files, folding, quantisation
from .lines import encoded
from .measures import Measures

__all__ = ["FastText", "load_model"]


class FastText(Measures):
    """A model as fastText's Python has it; `load_model` makes one.

    The names are fastText's. Any number of threads may use a model at once; lists are predicted on all
    threads (`embedcnn.set_num_threads`).
    """

    def __init__(
        self,
        core: _core.FastTextModel,
        sections: Sequence[Any],
        label: str,
        mapping: MappedFile | None = None,
    ) -> None:
        self._model = core
        self._sections = tuple(sections)
        """Head, input and output, as bytes-like of the file or as arrays."""
        self._label = label
        self._mapping = mapping
        self._facts = core.facts()
        self._decoded, self._normalised = {}, None

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
        core = _core.FastTextModel(head, input, output, label=encoded("label", label), fold=_fold(fold))
        return cls(core, (head, input, output), label)

    @classmethod
    def _from_file(
        cls, data: Any, name: str, label: str, fold: bool | None, mapping: MappedFile | None = None
    ) -> FastText:
        try:
            core = _core.FastTextModel(data, label=encoded("label", label), fold=_fold(fold))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        view, ends = memoryview(data), core.facts()["ends"]
        sections = [view[begin:end] for begin, end in zip((0, *ends), ends, strict=False)]
        return cls(core, sections, label, mapping)

    def __repr__(self) -> str:
        facts = self._facts
        quantised = ", quantised" if self.is_quantized() else ""
        return (
            f"<FastText: {facts['words']} words, {facts['labels']} labels, {facts['rows']} rows x "
            f"{self.get_dimension()}{quantised}>"
        )

    @property
    def args(self) -> dict[str, Any]:
        """The settings of the model, by fastText's names.

        >>> _example().args["dim"]
        2
        """
        settings = self._model.settings()
        names = {number: name for name, number in files.LOSSES.items()}
        kinds = {number: name for name, number in files.KINDS.items()}
        return {**settings, "loss": names[settings["loss"]], "model": kinds[settings["model"]]}

    def predict(
        self, text: Any, k: int = 1, threshold: float = 0.0, on_unicode_error: str = "strict"
    ) -> tuple[Any, Any]:
        """The `k` most probable labels of a text, of which each has at least the probability `threshold`.

        Parameters
        ----------
        text : str of one line, or a list of them, predicted on all threads
        k : how many labels at most, -1: all
        threshold : probability, from which on labels are given
        on_unicode_error : how labels that are no UTF-8 are decoded, as of `bytes.decode`

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
        names = self._entries(True, on_unicode_error)
        found, shares = self._checked().predict([text] if single else text, k, threshold, names)
        return (tuple(found[0]), shares[0]) if single else (found, shares)

    def get_input_matrix(self) -> np.ndarray:
        """The rows of words, then of n-grams, float32 (rows, dim), a copy; ValueError where it is quantised.

        >>> _example().get_input_matrix().shape
        (3, 2)
        """
        return self._matrix(1, self._facts["input_quantised"])

    def get_output_matrix(self) -> np.ndarray:
        """The rows of labels, of an unsupervised model those of words, float32 (labels, dim), a copy;
        ValueError where it is quantised.

        >>> _example().get_output_matrix()
        array([[1., 0.],
               [0., 1.]], dtype=float32)
        """
        return self._matrix(2, self._facts["output_quantised"])

    def word_vectors(self) -> WordVectors:
        """The vectors of all words, with gensim's names and questions; those of a model with n-grams of
        characters answer for unseen words, too. ValueError where the matrix is quantised.

        >>> _example().word_vectors().key_to_index["good"]
        1
        """
        words, settings = self.words, self._model.settings()
        grams, longest = self.get_input_matrix()[len(words) :], settings["maxn"]
        vectors = np.stack([self.get_word_vector(word) for word in words])
        subwords = Subwords(max(settings["minn"], 1), longest, grams) if longest > 0 else None
        return WordVectors(words, vectors, subwords=subwords)

    def _matrix(self, number: int, quantised: bool) -> np.ndarray:
        if quantised:
            raise ValueError(
                "the matrix is quantised: it has codes, no floats; use the model it was made from"
            )
        self._checked()
        section = self._sections[number]
        if isinstance(section, np.ndarray):
            return section.copy()
        rows = self._facts["rows" if number == 1 else "outputs"]
        floats = np.frombuffer(section, np.uint8)[files.MATRIX_HEAD :]
        return floats.copy().view(np.float32).reshape(rows, self.get_dimension())

    @checked
    def quantize(
        self,
        input: str | os.PathLike[str] | bytes | mmap.mmap | None = None,
        qout: bool = False,
        cutoff: int = 0,
        retrain: bool = False,
        epoch: int | None = None,
        lr: float | None = None,
        thread: int | None = None,
        verbose: int | None = None,
        dsub: int = 2,
        qnorm: bool = False,
    ) -> None:
        """Makes the model small, in place: rows become codes of a product quantiser, a byte for each `dsub`
        floats.

        Parameters
        ----------
        input : a file of labelled lines, or its bytes, for `retrain`
        qout : whether the output matrix is quantised, too; worth it for thousands of labels
        cutoff : rows that are kept, those of the largest norms; 0: all
        retrain : whether the rows kept learn on
        epoch, lr : passes over `input`, and the first learning rate; None: the model's epochs, and 0.1
        thread : threads that learn, None: all
        verbose : for fastText's sake: nothing is printed
        dsub : floats that share a byte
        qnorm : whether the norm of each row has a byte of its own

        Raises
        ------
        ValueError : a model without labels, or quantised already; arguments out of range

        Examples
        --------
        >>> model = _example(bucket=300, wordNgrams=2)
        >>> model.quantize()
        >>> model.is_quantized(), model.predict("good")[0]
        (True, ('__label__yes',))
        """
        settings = self.args
        if settings["model"] != "supervised" or not self._facts["labels"]:
            raise ValueError("only models with labels are quantised; this one has vectors alone")
        if self.is_quantized():
            raise ValueError("the model is quantised already")
        cutoff, dsub = integer("cutoff", cutoff, 0), integer("dsub", dsub, 1, settings["dim"])
        if retrain and input is None:
            raise ValueError("`retrain` needs `input`, a file of labelled lines. Received: input=None")
        if retrain and not cutoff:
            raise ValueError("`retrain` is for what a `cutoff` has kept. Received: cutoff=0")
        thread = optional(integer, "thread", thread, 1, 64)
        epoch = settings["epoch"] if epoch is None else integer("epoch", epoch, 1)
        lr = 0.1 if lr is None else float(finite_number("lr", lr, above=0))
        rows, output = self.get_input_matrix(), self.get_output_matrix()
        head = bytes(self._sections[0])
        if 0 < cutoff < len(rows):
            kept, dictionary = quantisation.cut_off(self._checked(), rows, cutoff)
            head, rows = files.packed_settings(settings) + dictionary, np.ascontiguousarray(rows[kept])
            if retrain:
                small = quantisation.section(rows, dsub, False)
                core = self._core_of(head, small, output, False)
                text = input if isinstance(input, (bytes, mmap.mmap)) else files.contents(input)  # type: ignore[arg-type]
                rows, output = quantisation.retrained(core, rows, output, text, epoch, lr, thread or 0)
        codes: Any = quantisation.section(rows, dsub, qnorm)
        outputs: Any = output
        if qout:
            outputs = quantisation.section(output, min(quantisation.OUTPUT_PART, settings["dim"]), qnorm)
        core = self._core_of(head, codes, outputs, None)
        FastText.__init__(self, core, (head, codes, outputs), self._label)

    def fold(self) -> None:
        """Makes the model small, in place, without changing what it predicts: rows get a float a label.

        Texts have the same labels, and probabilities within 1e-6. Two labels that exclude each other (loss
        "softmax") take one float in all, C of them C - 1, and so does a tree ("hs"). What `save_model` writes
        then, fastText reads, too; `load_model` maps it, so all processes share its table, where each makes
        one of its own of a larger file. Vectors of words become shares of the labels.

        Raises
        ------
        ValueError : a model without labels, a quantised one, or one whose rows are as short already

        Examples
        --------
        >>> model = _example()
        >>> model.fold()
        >>> model.get_dimension(), model.predict("good good")
        (1, (('__label__yes',), array([0.8808...], dtype=float32)))
        """
        settings = self.args
        folding.check_folding(settings, self._facts)
        core, (head, rows, output) = self._checked(), self._sections
        core = core if self._facts["folded"] else self._core_of(head, rows, output, True)
        parts = folding.folded_sections(core, settings, bytes(head))
        FastText.__init__(self, self._core_of(*parts, False), parts, self._label)

    def _core_of(self, head: Any, input: Any, output: Any, fold: bool | None) -> _core.FastTextModel:
        return _core.FastTextModel(head, input, output, label=encoded("label", self._label), fold=_fold(fold))

    def __reduce__(self) -> tuple[Any, ...]:
        """A model is pickled with all its bytes; a process that reads the file itself shares them."""
        self._checked()
        parts = [part if isinstance(part, np.ndarray) else bytes(part) for part in self._sections]
        return _from_sections, (*parts, self._label, self._facts["folded"])

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
        return self._model.settings()["dim"]

    @checked
    def save_model(self, path: str | os.PathLike[str]) -> None:
        """Writes a file that fastText reads, too; whole or not at all.

        >>> import tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "model.bin")
        >>> _example().save_model(path)
        >>> load_model(path).labels
        ['__label__no', '__label__yes']
        """
        self._checked()
        with replacing(path) as file:
            file.write(self._sections[0])
            files.write_matrix(file, self._sections[1])
            files.write_matrix(file, self._sections[2])


@checked
def load_model(
    path: str | os.PathLike[str] | bytes | bytearray | memoryview,
    fold: bool | None = None,
    label: str = "__label__",
) -> FastText:
    """The model in a file that fastText (0.9: formats 11 and 12) or `save_model` wrote, .bin or .ftz.

    Parameters
    ----------
    path : a file, which is mapped and must not change while the model is used; or its bytes
    fold : whether a table of one float a label for each row (one in all of two labels that exclude each
        other) takes the place of the rows when texts are predicted: many times faster, same labels,
        probabilities within 1e-6. None: where there are at most half as many labels as floats in a row.
        Each process has such a table of its own; of the file that `fold` and `save_model` make, all share it
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
    data, mapping = files.mapped(path)
    return FastText._from_file(data, os.fsdecode(path), label, fold, mapping)


def _from_sections(head: bytes, input: Any, output: Any, label: str, fold: bool) -> FastText:
    core = _core.FastTextModel(head, input, output, label=encoded("label", label), fold=_fold(fold))
    return FastText(core, (head, input, output), label)


def _fold(fold: bool | None) -> int:
    return -1 if fold is None else int(optional(boolean, "fold", fold))


def _example(**args: Any) -> FastText:
    """A model that tells good from bad, for examples."""
    words = [(b"bad", 4), (b"good", 3), (b"</s>", 7)]
    labels = [(b"__label__no", 4), (b"__label__yes", 3)]
    args = {"dim": 2, "bucket": 0, **args}
    rows = np.zeros((3 + args["bucket"], 2), np.float32)
    rows[:2] = [[4, 0], [0, 3]]
    output = np.eye(2, dtype=np.float32)
    return FastText._from_parts(args, files.packed_dictionary(words, labels, 14), rows, output)
