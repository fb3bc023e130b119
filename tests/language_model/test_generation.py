"""Generation: the state that is carried, sampling, prompts, stop strings, streams."""

import numpy as np
import pytest

import embedcnn
from embedcnn.encoding import CharEncoder
from embedcnn.generation import Stepper, generate, sample, stream
from embedcnn.layers import GRU, LSTM, Bidirectional, Dense, Embedding
from embedcnn.text import CharVocabulary

TEXT = "the cat sat on the mat. the dog ate the hat. "


def language_model(softmax=True, cells=(LSTM, GRU), text=TEXT):
    vocabulary = CharVocabulary(text)
    size = len(vocabulary)
    model = embedcnn.Sequential(
        [
            embedcnn.Input((None,), dtype="int32"),
            Embedding(size, 8),
            *[cell(16, return_sequences=True) for cell in cells],
            Dense(size, activation="softmax" if softmax else None),
        ],
        seed=3,
    )
    model.text_encoder = CharEncoder(vocabulary)
    return model


@pytest.fixture(scope="module")
def trained():
    embedcnn.utils.set_random_seed(1)
    model = language_model(softmax=False, cells=(LSTM,))
    ids = model.text_encoder.characters.encode(TEXT * 40)
    x = np.stack([ids[i : i + 20] for i in range(0, 1600, 5)])
    y = np.stack([ids[i + 1 : i + 21] for i in range(0, 1600, 5)])
    loss = embedcnn.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(embedcnn.optimizers.Adam(0.02), loss)
    history = model.fit(x, y, batch_size=32, epochs=30, verbose=0)
    assert history.history["loss"][-1] < 0.25
    return model


@pytest.mark.parametrize("softmax", [True, False])
def test_tokens_one_by_one_give_what_the_whole_text_gives(softmax):
    model = language_model(softmax)
    ids = model.text_encoder.characters.encode(TEXT)
    whole = model.predict(ids[None], verbose=0)[0].astype(np.float64)
    if not softmax:
        whole = np.exp(whole) / np.exp(whole).sum(1, keepdims=True)
    stepper = Stepper(model)
    for first, end in ((0, 3), (3, 4), (4, 20), (20, 21)):
        got = stepper.read([ids[first:end]])
        np.testing.assert_allclose(np.exp(got[0]), whole[end - 1], atol=1e-6)
    stepper.reset()
    np.testing.assert_allclose(np.exp(stepper.read([ids[:3]])[0]), whole[2], atol=1e-6)


def test_prompts_of_unequal_length_side_by_side(trained):
    prompts = ["the ", "the dog at", "h"]
    together = generate(trained, prompts, 30, temperature=0)
    assert together == [generate(trained, prompt, 30, temperature=0) for prompt in prompts]


def test_what_was_learnt_comes_out(trained):
    text = generate(trained, "the ", 60, temperature=0.2, seed=5)
    assert len(text) == 60 and set(text.split()[:-1]) <= set(TEXT.split()) | {"at", "og"}
    assert text == generate(trained, "the ", 60, temperature=0.2, seed=5)
    assert generate(trained, "the ", 60, temperature=5.0, seed=1) != generate(
        trained, "the ", 60, temperature=5.0, seed=2
    )


def test_the_model_itself_is_left_alone(trained):
    ids = trained.text_encoder.characters.encode(TEXT)[None]
    before = trained.predict(ids, verbose=0)
    generate(trained, "the ", 10)
    np.testing.assert_array_equal(trained.predict(ids, verbose=0), before)
    trained.fit(ids[:, :-1], ids[:, 1:], epochs=1, verbose=0)
    assert len(generate(trained, "the ", 10)) == 10


def test_stop_strings_end_a_text_and_are_not_shown(trained):
    free = generate(trained, "the ", 80, temperature=0)
    ended = generate(trained, "the ", 80, temperature=0, stop=". ")
    assert ended == free[: free.index(". ")]
    pieces = list(stream(trained, "the ", 80, temperature=0, stop=[". ", "zzz"]))
    assert "".join(pieces) == ended and len(pieces) > 1
    assert generate(trained, "the ", 5, temperature=0, stop=free[3:9]) == free[:5]


def test_several_texts_stop_each_at_its_own_place(trained):
    prompts = ["the cat sat on", "the dog", "hat"]
    alone = [generate(trained, prompt, 60, temperature=0, stop=["mat", "e. "]) for prompt in prompts]
    together = list(stream(trained, prompts, 60, temperature=0, stop=["mat", "e. "]))
    assert all(len(pieces) == 3 for pieces in together)
    assert ["".join(parts) for parts in zip(*together, strict=True)] == alone
    assert len({len(text) for text in alone}) > 1
    seeds = [generate(trained, prompts, 30, temperature=3.0, seed=seed) for seed in (1, 1, 2)]
    assert seeds[0] == seeds[1] != seeds[2]


def test_a_saved_model_writes_the_same(trained, tmp_path):
    trained.save(tmp_path / "model.embedcnn")
    again = embedcnn.models.load_model(tmp_path / "model.embedcnn")
    assert generate(again, "the ", 40, seed=7) == generate(trained, "the ", 40, seed=7)


def test_sampling_follows_the_probabilities():
    probabilities = np.array([0.5, 0.3, 0.15, 0.05])
    rng = np.random.default_rng(0)
    rows = np.repeat(np.log(probabilities)[None], 20000, 0)

    def shares(**settings):
        return np.bincount(sample(rows, rng=rng, **settings), minlength=4) / len(rows)

    np.testing.assert_allclose(shares(), probabilities, atol=0.015)
    np.testing.assert_allclose(shares(temperature=0), [1, 0, 0, 0])
    sharper = probabilities**2 / (probabilities**2).sum()
    np.testing.assert_allclose(shares(temperature=0.5), sharper, atol=0.015)
    np.testing.assert_allclose(shares(top_k=2), [0.625, 0.375, 0, 0], atol=0.015)
    np.testing.assert_allclose(shares(top_p=0.75), [0.625, 0.375, 0, 0], atol=0.015)
    np.testing.assert_allclose(shares(top_p=0.5), [1, 0, 0, 0])
    np.testing.assert_allclose(shares(top_k=9, top_p=1.0), probabilities, atol=0.015)


def test_what_is_impossible_is_never_drawn():
    with np.errstate(divide="ignore"):
        scores = np.log([[0.0, 1.0, 0.0]] * 100)
    assert (sample(scores) == 1).all()


def test_misuse(trained):
    for settings, error, text in [
        ({"temperature": -1}, ValueError, "`temperature` must be finite and >= 0"),
        ({"temperature": float("nan")}, ValueError, "`temperature`"),
        ({"temperature": "hot"}, TypeError, "`temperature` must be a number"),
        ({"top_k": 0}, ValueError, "`top_k`"),
        ({"top_p": 0}, ValueError, r"`top_p` must be in \(0, 1\]"),
        ({"top_p": 1.5}, ValueError, "`top_p`"),
        ({"length": 0}, ValueError, "`length`"),
        ({"stop": ""}, ValueError, "`stop` must hold strings"),
        ({"unknown": "Q"}, ValueError, "`unknown` must be a character that the model knows"),
    ]:
        with pytest.raises(error, match=text):
            generate(trained, "the ", **settings)
    with pytest.raises(ValueError, match="`prompt` must be a text of at least one character"):
        generate(trained, "")
    with pytest.raises(ValueError, match="`prompt` must hold at least one text"):
        generate(trained, [])
    for prompt, error in ((3, TypeError), (["the ", 3], ValueError)):
        with pytest.raises(error, match="`prompt` must be a text"):
            generate(trained, prompt)
    with pytest.raises(ValueError, match=r"`prompt`: text\[4\] = 'Q'.*give unknown=' '"):
        generate(trained, "the Q")
    assert len(generate(trained, "the Q", 5, unknown=" ")) == 5
    model = language_model()
    model.text_encoder = None
    with pytest.raises(ValueError, match="has no text encoder that can write"):
        generate(model, "the ")
    with pytest.raises(ValueError, match="needs return_sequences=True"):
        Stepper(embedcnn.Sequential([embedcnn.Input((None, 3)), LSTM(4)]))
    with pytest.raises(ValueError, match="reads backwards"):
        tokens = embedcnn.Input((None,), dtype="int32")
        both = Bidirectional(LSTM(4, return_sequences=True))(Embedding(5, 3)(tokens))
        Stepper(embedcnn.Model(tokens, Dense(5)(both)))
    with pytest.raises(ValueError, match=r"must hold 1 text\(s\) of at least one token"):
        Stepper(language_model()).read([[]])


def test_programs_are_made_once_and_follow_the_model(trained, monkeypatch):
    lowerings = []
    as_before = type(trained).lowered_as
    monkeypatch.setattr(
        type(trained), "lowered_as", lambda *given, **named: lowerings.append(1) or as_before(*given, **named)
    )
    trained._programs.forget()
    first = generate(trained, "the ", 20, seed=1)
    assert [generate(trained, "the ", 20, seed=1) for _ in range(3)] == [first] * 3  # states begin with zeros
    assert len(lowerings) == 1
    side_by_side = [stream(trained, "the ", 20, seed=1) for _ in range(2)]  # each has states of its own
    pairs = list(zip(*side_by_side, strict=True))
    assert ["".join(pieces) for pieces in zip(*pairs, strict=True)] == [first, first]
    weights = trained.get_weights()
    try:
        trained.set_weights([np.zeros_like(one) for one in weights])
        assert generate(trained, "the ", 20, seed=1) != first
    finally:
        trained.set_weights(weights)
    assert generate(trained, "the ", 20, seed=1) == first
    assert len(lowerings) == 2  # for the second of those side by side


def test_a_stepper_that_is_closed_says_so(trained):
    stepper = Stepper(trained)
    stepper.read([[1]])
    stepper.close()
    stepper.close()
    with pytest.raises(ValueError, match="this Stepper was closed"):
        stepper.read([[1]])
