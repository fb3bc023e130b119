"""Makes golden/phrases.json: what gensim's Phrases finds in some sentences.

python tests/text/make_phrases.py      with gensim 4
"""

import json
from pathlib import Path

from gensim.models.phrases import ENGLISH_CONNECTOR_WORDS, FrozenPhrases, Phrases

SENTENCES = [
    "the mayor of new york was there",
    "machine learning can be useful sometimes",
    "the king of spain and the queen of spain met in new york city",
    "new york city has machine learning jobs",
    "new_york is new york as the new york times has it",
    "of the people by the people for the people",
    "étude für ein klavier étude für elise",
    "a",
    "",
    "queen of the spain queen of the spain and of",
    "the new york times of new york the new york times",
    "an_a a_n_a _x x_ _ __ a__b a b a__b",
    "naïve bayes and machine learning naïve bayes",
]
MORE = ["new york city hall", "machine learning in new york city", "jobs in new york city"]
CASES = {
    "default": {"min_count": 1, "threshold": 1},
    "fraction": {"min_count": 0.5, "threshold": 0.5, "delimiter": "__"},
    "connectors": {"min_count": 1, "threshold": 0.5, "connector_words": sorted(ENGLISH_CONNECTOR_WORDS)},
    "npmi": {"min_count": 2, "threshold": 0.3, "scoring": "npmi", "connector_words": ["of", "the"]},
    "small": {"min_count": 1, "threshold": 0.1, "max_vocab_size": 20},
}


def found(phrases, sentences):
    """All that can be asked of one of them."""
    return {
        "joined": [phrases[sentence] for sentence in sentences],
        "analyzed": [list(phrases.analyze_sentence(sentence)) for sentence in sentences],
        "found": phrases.find_phrases(sentences),
    }


def case(settings):
    sentences = [line.split() for line in SENTENCES]
    phrases = Phrases(sentences, **settings)
    first = list(phrases.vocab.items())
    phrases.add_vocab(line.split() for line in MORE)
    twice = Phrases(phrases[sentences], **settings)
    return {
        "settings": settings,
        "vocab": first,
        "vocab_of_more": list(phrases.vocab.items()),
        "words": phrases.corpus_word_count,
        "counted": found(phrases, sentences),
        "exported": list(phrases.export_phrases().items()),
        "frozen": found(FrozenPhrases(phrases), sentences),
        "twice": found(twice, list(phrases[sentences])),
        "twice_exported": list(twice.export_phrases().items()),
        "twice_frozen": found(twice.freeze(), list(phrases[sentences])),
    }


if __name__ == "__main__":
    made = {
        "sentences": SENTENCES,
        "more": MORE,
        "connectors": sorted(ENGLISH_CONNECTOR_WORDS),
        "cases": {name: case(settings) for name, settings in CASES.items()},
    }
    Path(__file__).parent.joinpath("golden", "phrases.json").write_text(
        json.dumps(made, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8"
    )
