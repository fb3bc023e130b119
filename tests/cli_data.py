"""A small data set in every format, and options that make its training quick."""

CAT = [
    "it purrs softly",
    "purrs all day",
    "the cat purrs",
    "soft fur and whiskers",
    "whiskers twitch",
    "it purrs",
]
DOG = ["it barks loudly", "barks all night", "the dog barks", "fetches sticks", "wags and barks", "it barks"]
PAIRS = [(text, "cat") for text in CAT * 3] + [(text, "dog") for text in DOG * 3]
SMALL = [
    "--epochs",
    "12",
    "--filters",
    "8",
    "--dimensions",
    "12",
    "--learning-rate",
    "0.02",
    "--batch-size",
    "8",
]


def write_data(folder, kind):
    """A data file (or folder) of one format; returns its path."""
    if kind == "folder":
        path = folder / "pets"
        for number, (text, label) in enumerate(PAIRS):
            (path / label).mkdir(parents=True, exist_ok=True)
            (path / label / f"{number}.txt").write_text(text)
        return path
    path = folder / f"pets.{kind}"
    lines = {
        "csv": ["label,text", *(f'{label},"{text}"' for text, label in PAIRS)],
        "tsv": ["text\tlabel", *(f"{text}\t{label}" for text, label in PAIRS)],
        "jsonl": [f'{{"text": "{text}", "label": "{label}"}}' for text, label in PAIRS],
        "ft": [f"__label__{label} {text}" for text, label in PAIRS],
    }[kind]
    path.write_text("\n".join(lines) + "\n")
    return path


def all_layers(model):
    """The layers of a model and of the models inside it, by name."""
    found = {}
    for layer in model.layers:
        found.update({layer.name: layer}, **(all_layers(layer) if hasattr(layer, "layers") else {}))
    return found
