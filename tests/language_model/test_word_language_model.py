"""Words and punctuation marks: cutting, joining, unknown words, the model, its file."""

import math

import numpy as np
import pytest

import embedcnn
from embedcnn import CharLanguageModel, LanguageModel, WordLanguageModel
from embedcnn.encoding import WordEncoder, words_of
from embedcnn.generation import generate, stream
from embedcnn.text import CharVocabulary, Vocabulary

TEXT = "The cat sat on the mat. “Well,” said the dog, “it's a well-made hat!”\n\nThe dog ate the hat. " * 30
SMALL = {"embedding_dim": 8, "units": 24, "learning_rate": 0.02, "seed": 1}


@pytest.fixture(autouse=True)
def same_weights():
    embedcnn.utils.set_random_seed(1)


@pytest.mark.parametrize(
    "text",
    [
        "The cat sat on the mat.",
        "“Well,” said the dog, “it's a well-made (old) hat!”\n\nYes; no: 1.",
        'He said: "Well." And: "No."',
        "Ça alors… c’est l'été!",
    ],
)
def test_prose_is_cut_and_joined_again(text):
    encoder = WordEncoder.from_text(text)
    assert encoder.decode(encoder([text]).ids) == text
    assert encoder([text, ""]).lengths.tolist() == [len(words_of(text)), 0]


def test_words():
    assert words_of("a\nb\n \n\nc_d") == ["a", "b", "\n\n", "c_d"]
    assert words_of(" \n ") == []
    encoder = WordEncoder.from_text("The the THE cat", lower=True, max_tokens=3)
    assert encoder.vocabulary.tokens == ["", "[UNK]", "the"]
    assert encoder(["The cat"]).tolist() == [[2, 1]] and encoder.token_count == 3
    assert WordEncoder.from_text("a a b", min_frequency=2).vocabulary.tokens[2:] == ["a"]
    with pytest.raises(TypeError, match="`vocabulary` must be a Vocabulary"):
        WordEncoder(CharVocabulary("ab"))


@pytest.fixture(scope="module")
def trained():
    embedcnn.utils.set_random_seed(1)
    writer = WordLanguageModel(TEXT, **SMALL)
    history = writer.fit(TEXT, 10, 8, epochs=25, verbose=0, validation_split=0.1).history
    assert set(history) == {"loss", "perplexity", "val_loss", "val_perplexity"}
    assert history["val_perplexity"][-1] == pytest.approx(math.exp(history["val_loss"][-1]), rel=1e-6)
    assert history["val_perplexity"][-1] < 2 < history["val_perplexity"][0]
    return writer


def test_it_writes_prose(trained):
    assert trained.generate("The cat sat", 4, temperature=0) == " on the mat."
    assert trained.generate("The cat sat ", 4, temperature=0) == "on the mat."
    written = trained.generate("“Well,”", 8, temperature=0)
    assert written == " said the dog, “it's a well-made"
    pieces = list(trained.stream("“Well,”", 8, temperature=0))
    assert len(pieces) == 8 and "".join(pieces) == written
    assert trained.generate("The cat sat", 20, temperature=0, stop=".") == " on the mat"
    prompts = ["The cat", "said the dog"]
    together = trained.generate(prompts, 6, temperature=0)
    assert together == [trained.generate(prompt, 6, temperature=0) for prompt in prompts]


def test_what_is_unknown_is_by_choice_and_never_written(trained):
    with pytest.raises(
        ValueError, match=r"`prompt`: 'bird' is none of the \d+ words.*give unknown='\[UNK\]'"
    ):
        trained.generate("The bird", 3)
    assert trained.generate("The bird sat", 2, temperature=0, unknown="cat") == " on the"
    assert trained.generate("The bird", 3, unknown="[UNK]", seed=1)
    with pytest.raises(ValueError, match="`unknown` must be a word that the model knows. Received: 'bird'"):
        trained.generate("The cat", 3, unknown="bird")
    with pytest.raises(ValueError, match="`prompt` must hold at least one word"):
        trained.generate("  ", 3)
    rare = WordLanguageModel("a b c d e f " * 30, **SMALL, max_tokens=3)  # nearly all is [UNK]
    rare.fit("a b c d e f " * 30, 10, 4, epochs=3, verbose=0)
    text = rare.generate("a", 50, temperature=2.0, seed=1)
    assert text == " a" * 50


def test_evaluation_counts_words(trained):
    found = trained.evaluate(TEXT, 10)
    assert list(found) == ["loss", "perplexity"] and found["perplexity"] == pytest.approx(
        math.exp(found["loss"])
    )
    carried = trained.evaluate(TEXT, 10, 4, carry_state=True)
    assert carried["loss"] == pytest.approx(found["loss"], abs=0.2)
    history = trained.fit(TEXT, 10, 4, carry_state=True, verbose=0)
    assert history.history["loss"][0] < 1


def test_files(trained, tmp_path):
    trained.save(tmp_path / "words")
    for cls in (WordLanguageModel, LanguageModel):
        again = cls.load(tmp_path / "words")
        assert type(again) is WordLanguageModel
        assert again.vocabulary == trained.vocabulary
        assert again.generate("The cat", 12, seed=2) == trained.generate("The cat", 12, seed=2)
    with pytest.raises(ValueError, match="holds no language model of characters"):
        CharLanguageModel.load(tmp_path / "words")
    model = embedcnn.models.load_model(tmp_path / "words")
    assert generate(model, "The cat", 5, temperature=0) == trained.generate("The cat", 5, temperature=0)
    CharLanguageModel("ab", 4, 4).save(tmp_path / "characters")
    assert type(LanguageModel.load(tmp_path / "characters")) is CharLanguageModel
    with pytest.raises(ValueError, match="holds no language model of words"):
        WordLanguageModel.load(tmp_path / "characters")
    embedcnn.Sequential([embedcnn.Input((3,)), embedcnn.layers.Dense(2)]).save(tmp_path / "other")
    with pytest.raises(ValueError, match="holds no language model"):
        LanguageModel.load(tmp_path / "other")


def test_a_vocabulary_of_ones_own():
    writer = WordLanguageModel(Vocabulary(["the", "cat"], lower=True), **SMALL)
    assert writer.encode("The cat, THE dog").tolist() == [2, 3, 1, 2, 1]


def test_misuse():
    with pytest.raises(ValueError, match="`text` must hold at least one word"):
        WordLanguageModel("  ")
    with pytest.raises(ValueError, match="`max_tokens` must be at least 2"):
        WordLanguageModel("a b", max_tokens=1)
    with pytest.raises(TypeError, match="`text_encoder` must be a CharEncoder or a WordEncoder"):
        LanguageModel("a b")
    with pytest.raises(TypeError, match="`text` must be one str"):
        WordLanguageModel("a b", **SMALL).fit(["a b"])
    with pytest.raises(ValueError, match="more than length = 100 tokens"):
        WordLanguageModel("a b", **SMALL).fit("a b")


class Encoder:
    """The least that an encoder of one's own must have."""

    def __init__(self, vocabulary):
        self.vocabulary = vocabulary

    def __call__(self, texts):
        return [self.vocabulary.encode(text) for text in texts]

    def decode(self, ids):
        return self.vocabulary.decode(ids)


def test_an_encoder_of_ones_own():
    model = CharLanguageModel("abc", 4, 4, seed=1).model
    model.text_encoder = Encoder(CharVocabulary("abc"))
    assert len(generate(model, "ab", 7, seed=1)) == 7 == len(list(stream(model, "ab", 7, seed=1)))
    with pytest.raises(ValueError, match="`unknown`: Encoder cannot replace"):
        generate(model, "ab", 7, unknown="c")


def test_they_are_found_in_models():
    assert embedcnn.models.CharLanguageModel is embedcnn.CharLanguageModel is CharLanguageModel
    from embedcnn.models import WordLanguageModel as again

    assert again is embedcnn.WordLanguageModel and np.all([hasattr(embedcnn, n) for n in embedcnn.__all__])
    with pytest.raises(AttributeError, match="has no attribute 'Nonsense'"):
        embedcnn.models.Nonsense  # noqa: B018
