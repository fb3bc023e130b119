"""fastText models (.bin): the vectors of their words, and n-gram vectors for words they have not seen.

The file is read front to back, also compressed ones: settings, dictionary, then the matrix whose rows are
words and n-gram buckets. A word's vector is the mean of its own row and those of its n-grams.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from embedcnn import _core

from .dtypes import converted
from .errors import VectorFileError, shown
from .records import MAX_DIMENSIONS, ReadOptions
from .source import ByteSource
from .word_index import WordIndex
from .word_vectors import Subwords, WordVectors

__all__ = ["load_model"]

SETTINGS = struct.Struct("<ii12id")
DICTIONARY = struct.Struct("<iiiqq")
MATRIX = struct.Struct("<?qq")
MAGIC = 0x2F4F16BA
SUPERVISED = 3
PIECE = 1 << 20
LONGEST_ENTRY = (1 << 16) + 10


@dataclass(frozen=True)
class Model:
    """The settings that vectors depend on."""

    dimensions: int
    buckets: int
    shortest: int
    longest: int
    entries: int
    words: int


def load_model(source: ByteSource, options: ReadOptions) -> WordVectors:
    """Reads a model; with wanted words only the rows that these need are ever held."""
    model = read_settings(source)
    rest = bytearray()
    words, numbers = read_dictionary(source, model, options, rest)
    quantized, rows, columns = MATRIX.unpack(take(source, rest, MATRIX.size, "the matrix's size"))
    if quantized:
        raise VectorFileError(source.path, "a quantized model (.ftz) has no plain vectors: use the .bin file")
    if columns != model.dimensions or rows < model.words or rows > model.words + model.buckets:
        reason = (
            f"a matrix of {rows} x {columns} does not fit {model.words} words, {model.buckets} buckets and "
            f"{model.dimensions} dimensions"
        )
        raise VectorFileError(source.path, reason)
    if rows < model.words + model.buckets:
        if model.longest > 0 and rows != model.words:
            raise VectorFileError(
                source.path, f"{rows - model.words} rows for {model.buckets} buckets: truncated"
            )
        model = Model(model.dimensions, 0, model.shortest, model.longest, model.entries, model.words)
    if options.wanted is not None:
        return read_wanted(source, model, words, numbers, rows, rest, options)
    return read_everything(source, model, words, rows, rest, options)


def take(source: ByteSource, rest: bytearray, count: int, what: str) -> bytes:
    """The next bytes: first those left over from the dictionary."""
    data = bytes(rest[:count])
    del rest[:count]
    return data + source.read_exactly(count - len(data), what) if len(data) < count else data


def read_settings(source: ByteSource) -> Model:
    """The head of the file, checked."""
    fields = SETTINGS.unpack(source.read_exactly(SETTINGS.size, "the settings"))
    magic, version, dimensions = fields[0], fields[1], fields[2]
    kind, buckets, shortest, longest = fields[9], fields[10], fields[11], fields[12]
    if magic != MAGIC:
        raise VectorFileError(
            source.path, "no fastText model: the file starts with other bytes than 2f4f16ba"
        )
    if version not in (11, 12):
        raise VectorFileError(source.path, f"a fastText model of version {version}; 11 and 12 are read")
    if version == 11 and kind == SUPERVISED:
        longest = 0  # such models had no n-grams of characters, whatever their settings say
    size, words, labels, _, pruned = DICTIONARY.unpack(source.read_exactly(DICTIONARY.size, "the dictionary"))
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise VectorFileError(source.path, f"dimension {dimensions} is outside [1, {MAX_DIMENSIONS}]")
    if buckets < 0 or words < 0 or labels < 0 or words + labels != size or shortest < 0 or longest < 0:
        raise VectorFileError(
            source.path, f"impossible sizes: {words} words, {labels} labels, {buckets} buckets"
        )
    if pruned > 0:
        raise VectorFileError(
            source.path, "a pruned model is not read: use the .bin file that it was made from"
        )
    return Model(dimensions, buckets if longest > 0 else buckets, shortest, longest, size, words)


def read_dictionary(
    source: ByteSource, model: Model, options: ReadOptions, rest: bytearray
) -> tuple[list[bytes], np.ndarray]:
    """The words in the order of their rows, of which only the wanted ones are kept (with their rows).

    `rest` receives what was read beyond the dictionary.
    """
    kept: list[bytes] = []
    rows: list[int] = []
    seen = 0
    while seen < model.entries:
        used, entries = _core.fasttext_entries(rest, model.entries - seen)
        if not entries:
            piece = source.read(PIECE)
            if not piece or len(rest) > LONGEST_ENTRY + PIECE:
                raise VectorFileError(source.path, f"the file ends within the dictionary (word {seen + 1})")
            rest += piece
            continue
        del rest[:used]
        words = [word for word, kind in entries if kind == 0]
        if [kind for _, kind in entries[: len(words)]].count(0) != len(words):
            raise VectorFileError(source.path, "the dictionary is damaged: words after labels")
        words = [decodable(source.path, word, options) for word in words]
        numbers = options.wanted.find(words) if options.wanted is not None else range(len(words))
        for offset, (word, number) in enumerate(zip(words, numbers, strict=True)):
            if number >= 0:
                kept.append(word)
                rows.append(seen + offset)
        seen += len(entries)
    return kept, np.array(rows, np.int64)


def decodable(path: str, word: bytes, options: ReadOptions) -> bytes:
    """The word as UTF-8, repaired as the options say."""
    if word.isascii():
        return word
    try:
        return word.decode("utf-8", options.unicode_errors).encode()
    except UnicodeDecodeError:
        raise VectorFileError(path, f"the word {shown(word)} is not UTF-8; see unicode_errors=") from None


def read_everything(
    source: ByteSource, model: Model, words: list[bytes], rows: int, rest: bytearray, options: ReadOptions
) -> WordVectors:
    """All words, and the buckets for unseen ones."""
    if len(words) != model.words:
        raise VectorFileError(source.path, f"{len(words)} words in the dictionary, {model.words} announced")
    index, numbers = WordIndex.build_distinct(words)
    if len(index) != len(words):
        row = int(np.flatnonzero(numbers != np.arange(len(words)))[0])
        raise VectorFileError(source.path, f"the word {shown(words[row])} occurs twice in the dictionary")
    matrix = read_matrix(source, rows, model.dimensions, rest)
    subwords = None
    if model.longest > 0 and model.buckets > 0 and rows == model.words + model.buckets:
        settings = (model.shortest, model.longest, model.buckets, model.words)
        _core.fasttext_compose(matrix, index.arrays, settings)
        subwords = Subwords(model.shortest, model.longest, matrix[model.words :])
    vectors = WordVectors(index, matrix[: model.words], subwords=subwords)
    if options.limit is not None and options.limit < len(index):
        vectors = vectors.head(options.limit)
        vectors.subwords = subwords
    if options.dtype != "float32":
        vectors = converted(vectors, options.dtype)
    return vectors


def blocks(
    source: ByteSource, rows: int, dimensions: int, rest: bytearray
) -> Iterator[tuple[int, np.ndarray]]:
    """(first row, block of rows) over the matrix, a few MB at a time, checked to be finite."""
    step = max(1, (4 << 20) // (4 * dimensions))
    for begin in range(0, rows, step):
        count = min(step, rows - begin)
        data = take(source, rest, 4 * count * dimensions, f"the matrix (row {begin} of {rows})")
        block = np.frombuffer(data, "<f4").reshape(count, dimensions)
        if not np.isfinite(block).all():
            row = begin + int(np.flatnonzero(~np.isfinite(block).all(axis=1))[0])
            raise VectorFileError(source.path, f"row {row} of the matrix is not finite")
        yield begin, block


def read_matrix(source: ByteSource, rows: int, dimensions: int, rest: bytearray) -> np.ndarray:
    """The whole matrix; it grows with what is really there where the file's size does not vouch for it."""
    whole = source.plain and 4 * rows * dimensions <= source.size
    matrix = np.empty((rows if whole else 0, dimensions), np.float32)
    for begin, block in blocks(source, rows, dimensions, rest):
        if begin + len(block) > len(matrix):
            matrix.resize((min(rows, (begin + len(block)) * 5 // 4), dimensions), refcheck=False)
        matrix[begin : begin + len(block)] = block
    return matrix


def read_wanted(
    source: ByteSource,
    model: Model,
    words: list[bytes],
    numbers: np.ndarray,
    rows: int,
    rest: bytearray,
    options: ReadOptions,
) -> WordVectors:
    """The wanted words: sums over the rows that each needs, while the matrix passes by."""
    if options.limit is not None:
        words, numbers = words[: int((numbers < options.limit).sum())], numbers[numbers < options.limit]
    composes = model.longest > 0 and model.buckets > 0
    settings = (model.shortest, model.longest, model.buckets, model.words)
    known = set(words)
    wanted = options.wanted if composes and options.wanted is not None else ()
    unseen = [word for word in (item.encode() for item in wanted) if word not in known]
    needed: list[np.ndarray] = []
    kept: list[bytes] = []
    for position, word in enumerate(words + unseen):
        grams = _core.fasttext_subwords(word, settings) if composes else np.empty(0, np.int64)
        own = numbers[position : position + 1]
        if len(own) + len(grams):
            needed.append(np.concatenate([own, grams]))
            kept.append(word)
    counts = np.array([len(item) for item in needed], np.int64)
    targets = np.repeat(np.arange(len(needed)), counts)
    sources = np.concatenate(needed) if needed else np.empty(0, np.int64)
    order = np.argsort(sources, kind="stable")
    targets, sources = targets[order], sources[order]
    sums = np.zeros((len(needed), model.dimensions), np.float32)
    for begin, block in blocks(source, rows, model.dimensions, rest):
        first, last = np.searchsorted(sources, [begin, begin + len(block)])
        np.add.at(sums, targets[first:last], block[sources[first:last] - begin])
    sums /= np.maximum(counts, 1)[:, None].astype(np.float32)
    vectors = WordVectors(WordIndex.build_distinct(kept)[0], sums)
    if options.dtype != "float32":
        vectors = converted(vectors, options.dtype)
    return vectors
