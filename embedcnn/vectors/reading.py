"""`load`: any file of word vectors, or an object that holds some, as WordVectors."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from ..base.arguments import integer, optional, warn_user
from ..base.checked import checked
from ..base.columns import several
from ..base.pipes import is_pipe
from . import arrays, fasttext, model2vec
from .cache import MAGIC as CACHE_MAGIC
from .cache import load_cache, save_cache
from .dtypes import converted
from .errors import StaleCacheError, VectorFileError
from .records import ReadOptions, detect_layout, read_records
from .source import ByteSource
from .word_index import WordIndex
from .word_vectors import WordVectors

__all__ = ["load"]

FORMATS = ("glove", "word2vec", "word2vec_binary", "fasttext", "fasttext_binary", "npy", "npz", "cache")
FASTTEXT_MAGIC = (0x2F4F16BA).to_bytes(4, "little")
Format = Literal["glove", "word2vec", "word2vec_binary", "fasttext", "fasttext_binary", "npy", "npz", "cache"]


@checked
def load(
    path: Any,
    words: Iterable[str] | Mapping[str, Any] | None = None,
    limit: int | None = None,
    dtype: Literal["float32", "float16"] = "float32",
    *,
    lowercase_fallback: bool = False,
    title_fallback: bool = False,
    unicode_errors: Literal["strict", "ignore", "replace"] = "strict",
    duplicates: Literal["first", "last", "error"] = "first",
    on_bad_lines: Literal["error", "skip"] = "error",
    format: Format | None = None,
    keys: Sequence[str] | str | os.PathLike[str] | None = None,
    cache: bool | str | os.PathLike[str] = False,
    cache_copy: bool = False,
) -> WordVectors:
    """Reads word vectors: GloVe text, word2vec text and binary, fastText .vec and .bin, NumPy, cache files,
    folders of Model2Vec.

    As gensim's `KeyedVectors.load_word2vec_format`.

    Example
    -------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "glove.txt")
    >>> _ = path.write_text("the 0.1 0.2\\ncat -0.3 4e-1\\n. . . 5 6\\n", encoding="utf-8")
    >>> wv = load(path)
    >>> len(wv), wv["cat"], wv.index_to_key[2]
    (3, array([-0.3,  0.4], dtype=float32), '. . .')
    >>> load(path, words={"cat", "dog"}).index_to_key
    ['cat']

    Parameters
    ----------
    path
        A file, plain or compressed (gzip, xz, bzip2, zip, with `embedcnn[zstd]` also Zstandard), recognised
        by its content; a folder of Model2Vec or a static sentence-transformer (model.safetensors and
        tokenizer.json), whose words are its tokens; or an object with `vectors` and `index_to_key` (gensim's
        KeyedVectors: its files are pickles, which gensim alone opens); or a dict of vectors.
    words
        Keep only these words (any iterable of str; of a mapping, its keys). The file's other vectors are
        never held in memory, and of their lines only the number of fields is checked. A fastText model
        composes vectors for wanted words that it has not seen.
    limit
        Read only the first records.
    dtype
        "float32", or "float16" for half the memory (too large numbers are errors, not infinities).
    lowercase_fallback, title_fallback
        With `words`, keep also "paris" and "Paris" where "PARIS" is wanted.
    unicode_errors
        What to do with words that are not UTF-8, as in `bytes.decode`.
    duplicates
        Which vector a word has that occurs more than once (a warning tells how many there are).
    on_bad_lines
        "skip" leaves out malformed lines, and warns with their number.
    format
        What the file is, if not to be found out from its content.
    keys
        The words of an .npy matrix, or a text file that has one per line.
    cache
        True writes a cache file beside the file, or to the path given, and maps it the next time, as long as
        the file does not change.
    cache_copy
        Read a cache file (or an .npy matrix) into memory of its own instead of mapping it: for files that
        other processes may write into.

    Returns
    -------
    WordVectors, float32 or float16, in the order of the file.

    Raises
    ------
    VectorFileError
        With file, line and reason for whatever is malformed: a wrong number of fields, a field
        that is no number, nan, infinity, a truncated file.
    """
    if isinstance(words, str):
        raise TypeError(f"words must be a collection of words, not the str {words!r}")
    check_choice("dtype", dtype, ("float32", "float16"))
    check_choice("unicode_errors", unicode_errors, ("strict", "ignore", "replace"))
    check_choice("duplicates", duplicates, ("first", "last", "error"))
    check_choice("on_bad_lines", on_bad_lines, ("error", "skip"))
    if format is not None:
        check_choice("format", format, FORMATS)
    limit = optional(integer, "limit", limit, 0)
    limit = None if limit is None or limit > sys.maxsize else limit  # no file has more records
    if cache is not None and not isinstance(cache, (bool, str, bytes, os.PathLike)):
        raise TypeError(f"`cache` must be True, False or a path. Received: cache={cache!r}")
    wanted = None if words is None else wanted_words(words, lowercase_fallback, title_fallback)
    options = ReadOptions(
        wanted=wanted,
        limit=limit,
        dtype=np.dtype(dtype).name,
        unicode_errors=unicode_errors,
        duplicates=duplicates,
        skip_bad_lines=on_bad_lines == "skip",
        stack_level=6,
        cache_copy=cache_copy,
    )
    if not isinstance(path, (str, bytes, os.PathLike)):
        return cut(from_object(path), options)
    if os.path.isdir(path):
        if cache or format is not None or keys is not None:
            raise ValueError(
                f"cache=, format= and keys= are for files. Received: the folder {os.fsdecode(path)!r}"
            )
        return cut(model2vec.load_folder(os.fsdecode(path)), options)
    if not cache:
        return load_file(os.fsdecode(path), options, format, keys)
    if os.fsdecode(path) and format == "cache":
        raise ValueError("cache= and format='cache' exclude each other: the file is a cache already")
    return load_cached(os.fsdecode(path), options, format, keys, cache)


def check_choice(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    """Raises ValueError for a value that is not among those allowed."""
    if name == "dtype":
        with contextlib.suppress(TypeError):
            value = np.dtype(value).name
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(
            f"`{name}` must be one of {', '.join(map(repr, allowed))}. Received: {name}={value!r}"
        )


def wanted_words(words: Iterable[str], lowercase: bool, title: bool) -> WordIndex:
    """The index of the words to keep, with the other spellings that are asked for."""
    wanted: dict[str, None] = {}
    for position, word in enumerate(words if isinstance(words, Mapping) else several("words", words)):
        if not isinstance(word, str):
            raise TypeError(f"words must hold str; item {position} is {word!r}")
        wanted[word] = None
        if lowercase:
            wanted[word.lower()] = None
        if title:
            wanted[word.title()] = None
    return WordIndex.build_distinct([word for word in wanted if writable(word)])[0]


def writable(word: str) -> bool:
    """Whether a file can hold the word: no lone surrogates."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def load_file(path: str, options: ReadOptions, format: str | None, keys: Any) -> WordVectors:
    """Finds out what a file is, and reads it."""
    with ByteSource(path) as source:
        head = source.head(8) if not source.is_npz else b""
        if keys is not None and not (format == "npy" or head.startswith(b"\x93NUMPY")):
            raise ValueError(f"keys= is for .npy files; {path} holds its words itself")
        if format == "cache" or (format is None and head == CACHE_MAGIC):
            source.require_file("a cache")
            return cut(load_cache(path, copy=options.cache_copy), options)
        if format == "npz" or (format is None and source.is_npz):
            return cut(arrays.load_npz(path), options)
        if format == "npy" or (format is None and head.startswith(b"\x93NUMPY")):
            source.require_file("an .npy matrix")
            return cut(arrays.load_npy(path, keys, options.cache_copy), options)
        if source.is_npz:
            raise VectorFileError(path, f"an archive of NumPy arrays, not {format}")
        if format == "fasttext_binary" or (format is None and head.startswith(FASTTEXT_MAGIC)):
            vectors = fasttext.load_model(source, options)
        elif format is None and head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05":
            raise VectorFileError(
                path,
                "a pickle, which is never opened as it could execute code; if gensim wrote it, load it with "
                "gensim and pass the object",
            )
        else:
            vectors = WordVectors(*read_records(source, detect_layout(source, format), options))
    if options.wanted is None and options.limit is None and not source.piped:
        vectors.source = file_facts(path)
    return vectors


def file_facts(path: str) -> dict[str, Any]:
    """Path, size and time of a file, by which a cache knows its source."""
    facts = os.stat(path)
    return {"path": os.path.abspath(path), "size": facts.st_size, "mtime_ns": facts.st_mtime_ns}


def load_cached(path: str, options: ReadOptions, format: str | None, keys: Any, cache: Any) -> WordVectors:
    """Maps the cache of a file, after making it where there is none or the file has changed."""
    if is_pipe(path):
        raise VectorFileError(path, "a pipe: cache= is for files, which it can tell from changed ones")
    cache_path = path + ".embedcnn" if cache is True else os.fsdecode(cache)
    settings = {
        "dtype": options.dtype,
        "unicode_errors": options.unicode_errors,
        "duplicates": options.duplicates,
        "skip_bad_lines": options.skip_bad_lines,
        "format": format,
    }
    try:
        found = load_cache(cache_path, copy=options.cache_copy)
        if found.source == {**file_facts(path), "settings": settings}:
            return cut(found, options)
    except (FileNotFoundError, StaleCacheError, VectorFileError):
        pass  # none, or one that cannot be used: it is made again
    everything = ReadOptions(
        dtype=options.dtype,
        unicode_errors=options.unicode_errors,
        duplicates=options.duplicates,
        skip_bad_lines=options.skip_bad_lines,
        cache_copy=options.cache_copy,
        stack_level=7,
    )
    facts = file_facts(path)
    vectors = load_file(path, everything, format, keys)
    vectors.source = {**facts, "settings": settings}
    try:
        save_cache(vectors, cache_path)
    except OSError as error:
        warn_user(f"no cache is kept, {cache_path!r} cannot be written: {error}")
        return cut(vectors, options)
    return cut(load_cache(cache_path, copy=options.cache_copy), options)


def from_object(source: Any) -> WordVectors:
    """Vectors in another object: WordVectors, gensim's KeyedVectors or a model with `wv`, a mapping."""
    if isinstance(source, WordVectors):
        return source
    inner = getattr(source, "wv", source)
    if hasattr(inner, "vectors") and hasattr(inner, "index_to_key"):
        return WordVectors(list(inner.index_to_key), as_float(np.asarray(inner.vectors)))
    if isinstance(source, Mapping):
        words = list(source)
        rows = [np.asarray(source[word], np.float32) for word in words]
        if len({row.shape for row in rows}) > 1 or any(row.ndim != 1 for row in rows):
            shapes = sorted({row.shape for row in rows})
            raise ValueError(f"the vectors of the dict must all have one shape (D,), not {shapes}")
        return WordVectors(words, np.stack(rows) if rows else np.empty((0, 0), np.float32))
    raise TypeError(
        "`path` must be a path, an object with vectors and index_to_key, or a dict. Received: "
        f"path={type(source).__name__} object"
    )


def as_float(matrix: np.ndarray) -> np.ndarray:
    """float16 and float32 as they are, other numbers as float32."""
    return matrix if matrix.dtype in (np.float16, np.float32) else matrix.astype(np.float32)


def cut(vectors: WordVectors, options: ReadOptions) -> WordVectors:
    """Applies words, limit and dtype to vectors that are in memory or mapped."""
    result = vectors
    matrix, index = vectors.vectors, vectors.key_to_index
    if options.limit is not None and options.limit < len(index):
        if options.wanted is None:
            result = vectors.head(options.limit)
        matrix, index = matrix[: options.limit], index
    if options.wanted is not None:
        rows = np.sort(index.find(options.wanted.words()))
        rows = rows[(rows >= 0) & (rows < len(matrix))]
        result = WordVectors([index.word(row) for row in rows.tolist()], matrix[rows])
    if result.vectors.dtype != options.dtype:
        result = converted(result, options.dtype)
    return result
