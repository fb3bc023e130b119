"""Texts to ids with the names and results of Keras's `keras.preprocessing.text`, in C and in parallel."""

from __future__ import annotations

import json
from collections import OrderedDict, defaultdict

from embedcnn.preprocessing.tokenizer import Tokenizer
from embedcnn.preprocessing.words import hashing_trick, one_hot, text_to_word_sequence

__all__ = ["Tokenizer", "hashing_trick", "one_hot", "text_to_word_sequence", "tokenizer_from_json"]


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """The Tokenizer that `to_json` wrote, also Keras's; it can be fitted further. As
    keras.preprocessing.text.tokenizer_from_json.

    Raises ValueError where the text is no such JSON.

    >>> tokenizer = Tokenizer()
    >>> tokenizer.fit_on_texts(["a b a"])
    >>> tokenizer_from_json(tokenizer.to_json()).texts_to_sequences(["b"])
    [[2]]
    """
    if not isinstance(json_string, (str, bytes)):
        raise TypeError(f"`json_string` must be a str, as to_json() gives it. Received: {json_string!r}")
    try:
        content = json.loads(json_string)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"json_string is not valid JSON ({error})") from None
    config = content.get("config") if isinstance(content, dict) else None
    names = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
    if not isinstance(config, dict) or any(name not in config for name in names):
        raise ValueError("json_string does not hold a tokenizer: it needs config with " + ", ".join(names))
    dicts = {name: json.loads(config.pop(name)) for name in names}
    tokenizer = Tokenizer(**config)
    tokenizer.word_counts = OrderedDict(dicts["word_counts"])
    tokenizer.word_docs = defaultdict(int, dicts["word_docs"])
    tokenizer.index_docs = defaultdict(
        int, {int(index): count for index, count in dicts["index_docs"].items()}
    )
    tokenizer.word_index = dicts["word_index"]
    tokenizer.index_word = {int(index): word for index, word in dicts["index_word"].items()}
    return tokenizer
