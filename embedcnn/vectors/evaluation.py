"""How good vectors are: analogies and people's judgement of similarity, counted as gensim counts them."""

from __future__ import annotations

import math
import os
from typing import NamedTuple

import numpy as np

from ..base.checked import checked
from ..base.utf8_files import text_lines_of
from .word_vectors import WordVectors

__all__ = ["Correlation", "evaluate_word_analogies", "evaluate_word_pairs"]

COSINES_AT_ONCE = 1 << 23
CANDIDATES = 5


class Correlation(NamedTuple):
    """A correlation coefficient and its two-sided p-value (Student's t, as in scipy.stats)."""

    statistic: float
    pvalue: float


def first_words(vectors: WordVectors, count: int, fold: bool) -> tuple[list[str], dict[str, int]]:
    """The first words as they are compared (upper case if `fold`), and their rows; first spelling wins."""
    words = [vectors.key_to_index.word(row) for row in range(min(count, len(vectors)))]
    words = [word.upper() for word in words] if fold else words
    rows: dict[str, int] = {}
    for row, word in enumerate(words):
        rows.setdefault(word, row)
    return words, rows


def read_questions(path: str | os.PathLike[str], fold: bool) -> list[dict]:
    """Sections with their questions, in order; lines that have not four words are left out."""
    sections: list[dict] = []
    for number, line in enumerate(text_lines_of(path)):
        if line.startswith(": "):
            sections.append({"section": line.lstrip(": ").strip(), "questions": []})
            continue
        if not sections:
            where = f"{os.fspath(path)}, line {number + 1}"
            raise ValueError(f"{where}: a section header (': name') must come first")
        words = (line.upper() if fold else line).split()
        if len(words) == 4:
            sections[-1]["questions"].append(tuple(words))
    return sections


def predict(
    vectors: WordVectors, questions: list[tuple], words: list[str], rows: dict[str, int]
) -> list[str | None]:
    """For each question a b c the nearest word to b - a + c that is none of the three."""
    end = len(words)
    units = vectors.vectors[:end].astype(np.float32)
    norms = vectors.norms()[:end, None]
    units = np.divide(units, norms, out=np.zeros_like(units), where=norms > 0)
    predicted: list[str | None] = []
    step = max(1, COSINES_AT_ONCE // max(1, end))
    for begin in range(0, len(questions), step):
        part = questions[begin : begin + step]
        a, b, c = (np.array([rows[question[i]] for question in part]) for i in range(3))
        cosines = (units[b] + units[c] - units[a]) @ units.T
        for column in (a, b, c):
            cosines[np.arange(len(part)), column] = -np.inf
        for question, line in zip(part, cosines, strict=True):
            predicted.append(best_candidate(line, words, set(question[:3])))
    return predicted


def best_candidate(cosines: np.ndarray, words: list[str], ignored: set[str]) -> str | None:
    """The best word among the five nearest; other spellings of the question's words are ignored too."""
    candidate = None
    for _ in range(min(CANDIDATES, len(cosines))):
        best = int(cosines.argmax())
        if cosines[best] == -np.inf:
            break
        candidate = words[best]
        if candidate not in ignored:
            break
        cosines[best] = -np.inf
    return candidate


@checked
def evaluate_word_analogies(
    vectors: WordVectors,
    analogies: str | os.PathLike[str],
    restrict_vocab: int = 300000,
    case_insensitive: bool = True,
    dummy4unknown: bool = False,
) -> tuple[float, list[dict]]:
    """Share of analogies "a is to b as c is to d" whose d is the word nearest to b - a + c.

    gensim's `KeyedVectors.evaluate_word_analogies`.

    Parameters
    ----------
    analogies
        A file in the form of questions-words.txt: sections `: name`, questions `a b c d`.
    restrict_vocab
        Only the first words are known and searched.
    case_insensitive
        Compare in upper case; of several spellings the first counts.
    dummy4unknown
        Questions with unknown words count as wrong instead of being left out.

    Returns
    -------
    (share, sections), each section a dict with `section`, `correct` and `incorrect`; the last one is the
    total.

    Raises
    ------
    ValueError
        Where the file has no section.
    """
    words, rows = first_words(vectors, restrict_vocab, case_insensitive)
    sections = []
    for section in read_questions(analogies, case_insensitive):
        known = [item for item in section["questions"] if all(word in rows for word in item)]
        answers = dict(zip(known, predict(vectors, known, words, rows), strict=True)) if known else {}
        result: dict = {"section": section["section"], "correct": [], "incorrect": []}
        for question in section["questions"]:
            if question in answers:
                result["correct" if answers[question] == question[3] else "incorrect"].append(question)
            elif dummy4unknown:
                result["incorrect"].append(question)
        sections.append(result)
    total: dict = {"section": "Total accuracy", "correct": [], "incorrect": []}
    for name in ("correct", "incorrect"):
        total[name] = [question for section in sections for question in section[name]]
    asked = len(total["correct"]) + len(total["incorrect"])
    sections.append(total)
    return (len(total["correct"]) / asked if asked else 0.0), sections


@checked
def evaluate_word_pairs(
    vectors: WordVectors,
    pairs: str | os.PathLike[str],
    delimiter: str = "\t",
    encoding: str = "utf8",
    restrict_vocab: int = 300000,
    case_insensitive: bool = True,
    dummy4unknown: bool = False,
) -> tuple[Correlation, Correlation, float]:
    """Correlation of the cosines of word pairs with the similarity that people gave them.

    gensim's `KeyedVectors.evaluate_word_pairs`.

    Parameters
    ----------
    pairs
        A file with lines `word delimiter word delimiter number`; lines that start with # are comments.
    restrict_vocab, case_insensitive
        As in `evaluate_word_analogies`.
    dummy4unknown
        Pairs with unknown words count with similarity 0 instead of being left out.

    Returns
    -------
    (Pearson, Spearman, percentage of pairs with unknown words).

    Raises
    ------
    ValueError
        If no pair is left.
    """
    _, rows = first_words(vectors, restrict_vocab, case_insensitive)
    gold, model, unknown = [], [], 0
    for line in text_lines_of(pairs, encoding):
        fields = (line.upper() if case_insensitive else line).split(delimiter)
        if line.startswith("#") or len(fields) != 3:
            continue
        try:
            judged = float(fields[2])
        except ValueError:
            continue
        if fields[0] in rows and fields[1] in rows:
            first, second = (vectors.vectors[rows[word]].astype(np.float32) for word in fields[:2])
            length = float(np.linalg.norm(first) * np.linalg.norm(second))
            model.append(float(first @ second) / length if length else 0.0)
            gold.append(judged)
            continue
        unknown += 1
        if dummy4unknown:
            gold.append(judged)
            model.append(0.0)
    if not gold:
        raise ValueError(f"{os.fspath(pairs)} holds no pair of known words: another format, or other words")
    total = len(gold) if dummy4unknown else len(gold) + unknown
    left, right = np.array(gold), np.array(model)
    return correlation(left, right), correlation(ranks(left), ranks(right)), unknown / total * 100


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[inverse]


def correlation(left: np.ndarray, right: np.ndarray) -> Correlation:
    """Pearson's coefficient and its two-sided p-value; nan for a constant side or fewer than two values."""
    count = len(left)
    left, right = left - left.mean(), right - right.mean()
    scale = math.sqrt(float(left @ left) * float(right @ right))
    if count < 2 or scale == 0:
        return Correlation(math.nan, math.nan)
    r = max(-1.0, min(1.0, float(left @ right) / scale))
    if count == 2:
        return Correlation(r, 1.0)
    # p = I_x(df / 2, 1 / 2) with x = df / (df + t^2) = 1 - r^2
    return Correlation(r, incomplete_beta(1 - r * r, (count - 2) / 2, 0.5))


def incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by its continued fraction (Lentz; DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    logarithm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    front = math.exp(logarithm)
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(1 - x, b, a)
    tiny = 1e-300
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1) or tiny)
    value = d
    for m in range(1, 500):
        for factor in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / (1 + factor * d or tiny)
            c = 1 + factor / c or tiny
            value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return front * value / a
