"""Makes the files in golden/ with fastText 0.9.3: small models, and what it says of them (expected.json).

Run where fastText is installed (PyPI's `fasttext`, not among the tests' needs): python make_golden.py
"""

import json
import random
from pathlib import Path

import fasttext

HERE = Path(__file__).parent / "golden"
WORDS = [f"w{i}" for i in range(24)] + ["née", "über", "日本語", "наука", "don't", "<br", "😀", "b"]
LABELS = ["sport", "kunst", "наука"]
TEXTS = [
    "w1 w2 née w3",
    "日本語  w20\tнаука b",
    "",
    "unseen words ünd 文字",
    "a\0b w4\vw5 \f😀",
    "w6 </s> w7",
    "__label__sport w8",
    "__label__other w9 <br",
    " ".join(WORDS),
    "w1 " * 40,
]
ASKED = ["w1", "née", "unseen", "文字", "</s>", "", "日本語"]
MODELS = {
    "words": {"dim": 4},
    "pairs": {"dim": 7, "wordNgrams": 2, "bucket": 60},
    "characters": {"dim": 4, "minn": 2, "maxn": 4, "wordNgrams": 3, "bucket": 300},
    "hs": {"dim": 4, "loss": "hs", "minn": 1, "maxn": 3, "bucket": 240},
    "ova": {"dim": 4, "loss": "ova", "wordNgrams": 2, "bucket": 240},
    "ns": {"dim": 4, "loss": "ns"},
}
QUANTISED = {
    "characters": [{}, {"qnorm": True, "cutoff": 270}],
    "hs": [{"cutoff": 260, "dsub": 3}],
    "ova": [{"qnorm": True}],
}
VECTORS = {
    "skipgram": {"model": "skipgram", "dim": 5, "minn": 3, "maxn": 4, "bucket": 50},
    "cbow": {"model": "cbow", "dim": 3, "minn": 0, "maxn": 0},
}


def lines(count: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    made = []
    for _ in range(count):
        label = draw.randrange(3)
        places = [
            min(int(draw.expovariate(0.12)) + 5 * label, len(WORDS) - 1) for _ in range(draw.randrange(12))
        ]
        made.append(" ".join([f"__label__{LABELS[label]}", *(WORDS[place] for place in places)]))
    return made


def plain(value):
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return round(value, 7) if isinstance(value, float) else value


def described(path: Path, supervised: bool) -> dict:
    model = fasttext.load_model(str(path))
    said = {
        "words": model.get_words(include_freq=True),
        "word_vectors": [model.get_word_vector(word) for word in ASKED],
        "sentence_vectors": [model.get_sentence_vector(text) for text in TEXTS],
        "word_ids": [model.get_word_id(word) for word in ASKED],
        "subwords": [[list(pair[0]), pair[1]] for pair in map(model.get_subwords, ASKED)],
        "lines": [model.get_line(text) for text in TEXTS],
    }
    if not model.is_quantized():
        said["nearest"] = model.get_nearest_neighbors("w1", k=5)
        said["analogies"] = model.get_analogies("w1", "w2", "w3", k=4)
    if supervised:
        said["labels"] = model.get_labels(include_freq=True)
        said["best"] = model.predict(TEXTS)
        said["all"] = model.predict(TEXTS, k=-1)
        said["two"] = model.predict(TEXTS, k=2, threshold=0.2)
        said["test"] = model.test(str(HERE / "test.txt"), k=2)
        said["test_label"] = model.test_label(str(HERE / "test.txt"))
    return plain(said)


def main() -> None:
    HERE.mkdir(exist_ok=True)
    (HERE / "train.txt").write_text("\n".join(lines(300, 1)) + "\n")
    (HERE / "test.txt").write_text("\n".join(lines(40, 2)))  # the last line without its end
    found = {}
    common = {"thread": 11, "verbose": 0}  # with fewer it leaves a part of the matrix as it finds it
    for name, settings in MODELS.items():
        model = fasttext.train_supervised(str(HERE / "train.txt"), lr=0.5, epoch=3, **common, **settings)
        model.save_model(str(HERE / f"{name}.bin"))
        found[f"{name}.bin"] = described(HERE / f"{name}.bin", True)
        for number, quantised in enumerate(QUANTISED.get(name, [])):
            path = HERE / f"{name}{number}.ftz"
            model = fasttext.load_model(str(HERE / f"{name}.bin"))
            model.quantize(**quantised)
            model.save_model(str(path))
            found[path.name] = described(path, True)
    for name, settings in VECTORS.items():
        model = fasttext.train_unsupervised(str(HERE / "train.txt"), minCount=2, **common, **settings)
        model.save_model(str(HERE / f"{name}.bin"))
        found[f"{name}.bin"] = described(HERE / f"{name}.bin", False)
    asked = {"texts": TEXTS, "asked": ASKED, "models": found}
    (HERE / "expected.json").write_text(json.dumps(asked, ensure_ascii=False, separators=(",", ":")))


if __name__ == "__main__":
    main()
