"""Writes golden/*.json with Keras. Run by hand where it is installed: python tests/text/make_golden.py"""

import hashlib
import json
import lzma
import os
import random
from pathlib import Path

TEXTS = [
    "The quick brown Fox, jumps over the lazy dog. Don't panic!",
    "the THE tHe; fox? (fox) [dog] {cat}\tcat\ncat's",
    "",
    "   ...!!!   ",
    "ΟΔΥΣΣΕΥΣ ΣΑΣ Σ ΑΣ. ΑΣ.Α ΣΣ",
    "İstanbul IĞDIR ıi İ",
    "Straße STRASSE ẞ ǅ ﬁ K Å Ⱥ Ⴀ",
    "caf\u00e9 cafe\u0301 CAF\u00c9 na\u00efve",
    "a\u00a0b\u2003c\u0085d\u2028e\x0bf\x0cg\rh",
    "\ufeffbom first nul\x00in\x00word \x00",
    "日本語 テキスト，漢字 😀 😀! 👨‍👩‍👧",
    "x" * 300 + " " + "Y" * 300,
    "12345678 123456789 1234567 12345678 a,b-c_d",
]
CASES = [
    {},
    {"num_words": 5},
    {"num_words": 1},
    {"num_words": 0},
    {"num_words": 3, "oov_token": "<oov>"},
    {"oov_token": "the"},
    {"oov_token": "never"},
    {"lower": False},
    {"filters": ""},
    {"filters": "\u00a0，é"},
    {"filters": "aeiou"},
    {"filters": "AEIOU"},
    {"split": "a"},
    {"split": "，"},
    {"split": "ab", "filters": "xy"},
    {"split": "cat"},
    {"char_level": True},
    {"char_level": True, "lower": False, "num_words": 10, "oov_token": "UNK"},
]
UNSEEN = [*TEXTS[:3], "an unseen Fox ΑΣ.", "zebra", ["The", "fox", "."]]

ENCODED = [
    "The CAT sat. Don't stop-now!",
    "the dog; THE \u00c9 \u00e9 \u00c9T\u00c9",
    "",
    "  \t\n x\x0by\x0cz\rq\x1cw\u0085e\u00a0r\u2003t\u3000u",
    "\u65e5\u672c \U0001f600\u8a9e",
    "a a b b c d !!! - '",
]
ENCODERS = [
    {},
    {"standardize": "lower"},
    {"standardize": "strip_punctuation"},
    {"standardize": None},
    {"split": "character"},
    {"split": None},
    {"ngrams": 2},
    {"ngrams": (1, 3)},
    {"max_tokens": 6},
    {"output_sequence_length": 3},
    {"output_sequence_length": 30, "split": "character", "max_tokens": 9},
]


def tokenizer_case(arguments):
    from keras.src.legacy.preprocessing import text

    tokenizer = text.Tokenizer(**arguments)
    tokenizer.fit_on_texts(TEXTS)
    tokenizer.fit_on_texts([["The", "fox"], "again fox fox"])
    sequences = tokenizer.texts_to_sequences(UNSEEN)
    case = {
        "arguments": arguments,
        "word_index": list(tokenizer.word_index.items()),
        "word_counts": list(tokenizer.word_counts.items()),
        "word_docs": sorted(tokenizer.word_docs.items()),
        "index_docs": sorted(tokenizer.index_docs.items()),
        "document_count": tokenizer.document_count,
        "sequences": sequences,
        "texts": tokenizer.sequences_to_texts([*sequences, [1, 2, 10**6]]),
    }
    for mode in ("binary", "count", "freq", "tfidf"):
        matrix = tokenizer.texts_to_matrix(UNSEEN, mode)
        case[mode] = [[i, j, matrix[i, j]] for i, j in zip(*map(list, matrix.nonzero()), strict=True)]
        case["shape"] = matrix.shape
    return case


def pairs_case(arguments):
    from keras.src.legacy.preprocessing import sequence

    random.seed(7)
    couples, labels = sequence.skipgrams([0, 1, 2, 3, 0, 2, 5, 4], 6, **arguments)
    return {"arguments": arguments, "couples": couples, "labels": labels}


def encoder_case(arguments):
    from keras.layers import TextVectorization

    layer = TextVectorization(**arguments)
    layer.adapt(ENCODED)
    return {
        "arguments": arguments,
        "vocabulary": layer.get_vocabulary(),
        "ids": layer([*ENCODED, "cat dog zzz [UNK]"]).numpy().tolist(),
    }


def padding_cases():
    from keras.utils import pad_sequences

    rows = [[1, 2, 3, 4], [5], [], [6, 7]]
    for arguments in (
        {},
        {"maxlen": 2},
        {"maxlen": 3, "padding": "post"},
        {"maxlen": 3, "truncating": "post"},
        {"maxlen": 6, "padding": "post", "truncating": "post", "value": -1},
        {"maxlen": 0, "truncating": "post"},
        {"dtype": "float32", "value": 0.5},
        {"dtype": "int64", "value": 7.9},
        {"dtype": "uint8", "value": 200},
        {"dtype": "bool"},
    ):
        yield {"rows": rows, "arguments": arguments, "result": pad_sequences(rows, **arguments).tolist()}
    for odd in (
        [[1.9, -1.9], [2]],
        [[True, 2]],
        [["12"], [3]],
        [[[1, 2]], [[3, 4], [5, 6]]],
        [[]],
        [(1, 2), (3,)],
    ):
        yield {"rows": odd, "arguments": {}, "result": pad_sequences(odd).tolist()}


def imdb_cases():
    """Digests of the index, the counts and all ids of IMDB's training texts; needs EMBEDCNN_SHARED."""
    from keras.src.legacy.preprocessing import text

    path = Path(os.environ["EMBEDCNN_SHARED"], "data/imdb/imdb.train.tsv.xz")
    with lzma.open(path, "rt", encoding="utf-8") as file:
        texts = [line.rstrip("\n").split("\t")[-1] for line in file]
    for arguments in ({}, {"num_words": 20000, "oov_token": "<oov>"}):
        tokenizer = text.Tokenizer(**arguments)
        tokenizer.fit_on_texts(texts)
        digest = hashlib.blake2b(digest_size=16)
        for part in (tokenizer.word_index, tokenizer.word_counts, tokenizer.texts_to_sequences(texts)):
            digest.update(json.dumps(part).encode())
        yield {"arguments": arguments, "digest": digest.hexdigest()}


def main():
    from keras.src.legacy.preprocessing import sequence, text

    folder = Path(__file__).parent / "golden"
    tokenizer = {"texts": TEXTS, "unseen": UNSEEN, "cases": [tokenizer_case(case) for case in CASES]}
    tokenizer["imdb"] = list(imdb_cases())
    tokenizer["hashed"] = [text.hashing_trick(line, 50, "md5") for line in TEXTS]
    pairs = [
        {},
        {"window_size": 1, "negative_samples": 0.5, "seed": 3},
        {"categorical": True, "shuffle": False},
    ]
    pairs.append({"sampling_table": sequence.make_sampling_table(6, 0.5).tolist(), "seed": 1})
    sequences = {
        "padding": list(padding_cases()),
        "pairs": [pairs_case(arguments) for arguments in pairs],
        "table": sequence.make_sampling_table(50).tolist(),
    }
    encoder = {"texts": ENCODED, "cases": [encoder_case(arguments) for arguments in ENCODERS]}
    for name, content in (("tokenizer", tokenizer), ("sequence", sequences), ("encoder", encoder)):
        (folder / f"{name}.json").write_text(json.dumps(content, default=int) + "\n")


if __name__ == "__main__":
    main()
