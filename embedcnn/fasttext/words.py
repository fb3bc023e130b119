"""Words of a fastText model: numbers, n-grams, vectors, neighbours. FastText has these methods."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from embedcnn import _core

from ..base.arguments import integer
from ..base.checked import checked
from ..vectors.mapped import MappedFile
from .lines import END, decoded, encoded, one_line, tokenize

__all__ = ["WordQueries"]

_SPACES = re.compile("[ \\t\\n\\v\\f\\r]+")


class WordQueries:
    """Methods over words of a model; a class of its own only to keep files short."""

    _model: _core.FastTextModel
    _facts: Mapping[str, Any]
    _label: str
    _mapping: MappedFile | None
    _normalised: np.ndarray | None = None
    _decoded: dict[str, list[str]]

    def _checked(self) -> _core.FastTextModel:
        if self._mapping is not None:
            self._mapping.check()
        return self._model

    def _entries(self, labels: bool, errors: str) -> list[str]:
        words, count = self._facts["words"], self._facts["labels"]
        key = f"{labels} {errors}"
        if key not in self._decoded:
            entries, _ = self._checked().entries(*((words, words + count) if labels else (0, words)))
            self._decoded[key] = [decoded(entry, errors) for entry in entries]
        return self._decoded[key]

    def _counts(self, labels: bool) -> np.ndarray:
        words, count = self._facts["words"], self._facts["labels"]
        return self._checked().entries(*((words, words + count) if labels else (0, words)))[1]

    @property
    def words(self) -> list[str]:
        """The words in the order of their numbers.

        >>> from embedcnn.fasttext.model import _example
        >>> _example().words
        ['bad', 'good', '</s>']
        """
        return list(self._entries(False, "surrogateescape"))

    @property
    def labels(self) -> list[str]:
        """The labels in the order of their numbers; of an unsupervised model its words.

        >>> from embedcnn.fasttext.model import _example
        >>> _example().labels
        ['__label__no', '__label__yes']
        """
        return list(self._entries(self._is_supervised(), "surrogateescape"))

    def _is_supervised(self) -> bool:
        return self._model.settings()["model"] == 3

    @checked
    def get_words(self, include_freq: bool = False, on_unicode_error: str = "strict") -> Any:
        """The words, or (words, int64 counts in the training text).

        >>> from embedcnn.fasttext.model import _example
        >>> _example().get_words(include_freq=True)
        (['bad', 'good', '</s>'], array([4, 3, 7]))
        """
        words = list(self._entries(False, on_unicode_error))
        return (words, self._counts(False)) if include_freq else words

    @checked
    def get_labels(self, include_freq: bool = False, on_unicode_error: str = "strict") -> Any:
        """The labels, or (labels, int64 counts); of an unsupervised model as `get_words`.

        >>> from embedcnn.fasttext.model import _example
        >>> _example().get_labels(include_freq=True)
        (['__label__no', '__label__yes'], array([4, 3]))
        """
        if not self._is_supervised():
            return self.get_words(include_freq, on_unicode_error)
        labels = list(self._entries(True, on_unicode_error))
        return (labels, self._counts(True)) if include_freq else labels

    def get_word_id(self, word: str) -> int:
        """The number of a word, which is its row; -1 where it is not known.

        >>> from embedcnn.fasttext.model import _example
        >>> _example().get_word_id("good"), _example().get_word_id("unseen")
        (1, -1)
        """
        return self._checked().find(encoded("word", word))

    def get_label_id(self, label: str) -> int:
        """The number of a label, from 0; -1 where it is not known.

        >>> from embedcnn.fasttext.model import _example
        >>> _example().get_label_id("__label__yes")
        1
        """
        number = self._checked().find(encoded("label", label))
        return max(number - self._facts["words"], -1)

    def get_subword_id(self, subword: str) -> int:
        """The row of an n-gram of characters; -1 where quantisation has cut it off.

        Raises
        ------
        ValueError : the model has no n-grams

        Examples
        --------
        >>> from embedcnn.fasttext.model import _example
        >>> _example(minn=2, maxn=3, bucket=10).get_subword_id("<go")
        8
        """
        return self._checked().gram_row(encoded("subword", subword))

    def get_subwords(self, word: str, on_unicode_error: str = "strict") -> tuple[list[str], np.ndarray]:
        """A word, if it is known, and the n-grams of its characters, with their rows.

        >>> from embedcnn.fasttext.model import _example
        >>> _example(minn=3, maxn=3, bucket=10).get_subwords("bad")
        (['bad', '<ba', 'bad', 'ad>'], array([ 0,  9,  7, 11]))
        """
        core, settings = self._checked(), self._model.settings()
        number = core.find(encoded("word", word))
        found, rows = ([word], [number]) if number >= 0 else ([], [])
        framed, longest = f"<{word}>", settings["maxn"] if word != END else 0
        for begin in range(len(framed)):
            for end in range(begin + max(settings["minn"], 1), min(begin + longest, len(framed)) + 1):
                if end - begin == 1 and (begin == 0 or end == len(framed)):
                    continue
                row = core.gram_row(encoded("word", framed[begin:end]))
                if row >= 0:
                    found.append(framed[begin:end])
                    rows.append(row)
        return found, np.array(rows, np.int64)

    def get_word_vector(self, word: str) -> np.ndarray:
        """The mean of a word's row and those of its n-grams of characters, float32 (dim,); zeros where it has
        none.

        >>> from embedcnn.fasttext.model import _example
        >>> _example().get_word_vector("good")
        array([0., 3.], dtype=float32)
        """
        return self._checked().word_vector(encoded("word", word))

    def __getitem__(self, word: str) -> np.ndarray:
        return self.get_word_vector(word)

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and 0 <= self.get_word_id(word) < self._facts["words"]

    def get_input_vector(self, ind: int) -> np.ndarray:
        """Row `ind` of the input matrix, float32 (dim,).

        >>> from embedcnn.fasttext.model import _example
        >>> _example().get_input_vector(0)
        array([4., 0.], dtype=float32)
        """
        ind = integer("ind", ind, 0, self._facts["rows"] - 1)
        return self._checked().mean(np.array([ind], np.int32))

    def get_sentence_vector(self, text: str) -> np.ndarray:
        """The mean of what a line consists of, float32 (dim,): of a supervised model all its rows; else the
        vectors of its words, each divided by its length.

        >>> from embedcnn.fasttext.model import _example
        >>> _example().get_sentence_vector("good bad")
        array([1.3333..., 1.       ], dtype=float32)
        """
        core, text = self._checked(), one_line("text", text)
        if self._is_supervised():
            return core.mean(core.line(text.encode("utf-8", "surrogatepass"), 1)[0])
        vectors = [self.get_word_vector(word) for word in _SPACES.split(text) if word]
        total, count = np.zeros(core.settings()["dim"], np.float32), 0
        for vector in vectors:
            length = np.float32(np.sqrt((vector * vector).sum(dtype=np.float32)))
            if length > 0:
                total += vector * np.float32(1 / length)
                count += 1
        return total * np.float32(1 / count) if count else total

    def get_nearest_neighbors(
        self, word: str, k: int = 10, on_unicode_error: str = "strict"
    ) -> list[tuple[float, str]]:
        """The `k` words whose vectors have the largest cosines with that of a word, as (cosine, word).

        >>> from embedcnn.fasttext.model import _example
        >>> _example().get_nearest_neighbors("good", k=1)
        [(0.0, 'bad')]
        """
        return self._nearest(self.get_word_vector(word), [word], k, on_unicode_error)

    def get_analogies(
        self, wordA: str, wordB: str, wordC: str, k: int = 10, on_unicode_error: str = "strict"
    ) -> list[tuple[float, str]]:
        """The `k` words nearest to A - B + C, whose vectors have length 1 each, as (cosine, word).

        >>> from embedcnn.fasttext.model import _example
        >>> _example().get_analogies("good", "bad", "bad", k=1)
        [(0.0, '</s>')]
        """
        total = np.zeros(self._model.settings()["dim"], np.float32)
        for sign, word in ((1, wordA), (-1, wordB), (1, wordC)):
            vector = self.get_word_vector(word)
            total += vector * np.float32(sign / (np.linalg.norm(vector) + 1e-8))
        return self._nearest(total, [wordA, wordB, wordC], k, on_unicode_error)

    def _nearest(self, query: np.ndarray, banned: list[str], k: int, errors: str) -> list[tuple[float, str]]:
        k = integer("k", k, 1)
        if self._normalised is None:
            self._normalised = self._checked().word_vectors()
        length = float(np.linalg.norm(query))
        cosines = self._normalised @ query / np.float32(length if abs(length) >= 1e-8 else 1)
        numbers = [number for number in map(self.get_word_id, banned) if 0 <= number < len(cosines)]
        cosines[numbers] = -np.inf
        most = min(k, len(cosines) - len(set(numbers)))
        nearest = np.arange(len(cosines))
        if 0 < most < len(cosines):
            nearest = np.argpartition(-cosines, most - 1)[:most]
        best = sorted(nearest.tolist(), key=lambda number: (-cosines[number], number))[:most]
        words = self._entries(False, errors)
        return [(float(cosines[number]), words[number]) for number in best]

    def tokenize(self, text: str) -> list[str]:
        """The tokens of a text, as of `fasttext.tokenize`.

        >>> from embedcnn.fasttext.model import _example
        >>> _example().tokenize("so good")
        ['so', 'good']
        """
        return tokenize(text)

    def get_line(self, text: Any, on_unicode_error: str = "strict") -> tuple[list, list]:
        """The words of a line, known or not, and its labels that are known; of a list of lines two lists of
        these.

        >>> from embedcnn.fasttext.model import _example
        >>> _example().get_line("__label__yes so good")
        (['so', 'good', '</s>'], ['__label__yes'])
        """
        if isinstance(text, list):
            pairs = [self._line(line) for line in text]
            return [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        return self._line(text)

    def _line(self, text: Any) -> tuple[list[str], list[str]]:
        words: list[str] = []
        labels: list[str] = []
        for token in tokenize(one_line("text", text) + "\n"):
            number = self.get_word_id(token)
            if number >= self._facts["words"]:
                labels.append(token)
            elif number >= 0 or not token.startswith(self._label):
                words.append(token)
            if token == END:
                break
        return words, labels
