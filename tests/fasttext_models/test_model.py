"""A model of parts, made by hand: ids as fastText makes them, predictions by formulas, files both ways."""

import numpy as np
import pytest

from embedcnn import _core
from embedcnn.fasttext import FastText, load_model
from embedcnn.fasttext.files import packed_dictionary

WORDS = [b"good", b"bad", "né".encode(), b"</s>"]
LABELS = [b"__label__no", b"__label__yes"]


def hash_of(word: bytes) -> int:
    """fastText's: FNV-1a over bytes with their sign."""
    value = 2166136261
    for byte in word:
        signed = byte - 256 if byte > 127 else byte
        value = (value ^ (signed & 0xFFFFFFFF)) * 16777619 & 0xFFFFFFFF
    return value


def word_ngrams(tokens: list[bytes], longest: int, buckets: int) -> list[int]:
    hashes = [hash_of(token) for token in tokens]
    signed = [value - (1 << 32) if value >> 31 else value for value in hashes]
    found = []
    for i in range(len(signed)):
        value = signed[i]
        for j in range(i + 1, min(i + longest, len(signed))):
            value = (value * 116049371 + signed[j]) & (1 << 64) - 1
            found.append(value % buckets)
    return found


def characters(word: str, shortest: int, longest: int, buckets: int) -> list[int]:
    framed = f"<{word}>"
    found = []
    for i in range(len(framed)):
        for n in range(1, longest + 1):
            alone = n == 1 and (i == 0 or i + n == len(framed))
            if n >= shortest and i + n <= len(framed) and not alone:
                found.append(hash_of(framed[i : i + n].encode()) % buckets)
    return found


def made(fold: bool | None = None, labels: int = 2, **args) -> FastText:
    names = LABELS[:labels] + [f"__label__{number}".encode() for number in range(2, labels)]
    settings = {"dim": 5, "wordNgrams": 3, "bucket": 97, "minn": 2, "maxn": 3, **args}
    rows = len(WORDS) + settings["bucket"]
    random = np.random.default_rng(5)
    dictionary = packed_dictionary([(word, 3) for word in WORDS], [(label, 2) for label in names], 20)
    return FastText._from_parts(
        settings,
        dictionary,
        random.standard_normal((rows, 5), np.float32),
        random.standard_normal((labels, 5), np.float32),
        fold=fold,
    )


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("good né unseen", ["good", "né", "unseen", "</s>"]),
        ("\tgood\v\x00 bad ", ["good", "bad", "</s>"]),
        ("", ["</s>"]),
        ("bad </s> good", ["bad", "</s>"]),
        ("__label__yes __label__other good", ["good", "</s>"]),
    ],
)
def test_ids_are_those_of_fasttext(text, tokens):
    model = made()
    expected = []
    for token in tokens:
        if token.encode() in WORDS:
            expected.append(WORDS.index(token.encode()))
        if token != "</s>":
            expected += [4 + bucket for bucket in characters(token, 2, 3, 97)]
    expected += [4 + bucket for bucket in word_ngrams([token.encode() for token in tokens], 3, 97)]
    ids, labels, _, used = model._model.line(text.encode(), 1)
    assert ids.tolist() == expected
    assert labels.tolist() == ([1] if "yes" in text else [])
    assert used == len(text.encode()) or "</s>" in text


def read_bytes(text: bytes, newline_behind: bool) -> tuple[list[bytes], int]:
    """The tokens of a text's first line byte by byte, as fastText's readWord, and the bytes read."""
    tokens, token, at = [], b"", 0
    while at < len(text):
        byte, at = text[at : at + 1], at + 1
        if byte not in (b" ", b"\n", b"\r", b"\t", b"\v", b"\f", b"\0"):
            token += byte
            continue
        if token:
            if byte == b"\n":
                at -= 1  # read again, as the end of the line
            tokens.append(token)
            if token == b"</s>":
                return tokens, at
            token = b""
        elif byte == b"\n":
            return [*tokens, b"</s>"], at
    tokens += [token] if token else []
    return tokens + ([b"</s>"] if newline_behind and token != b"</s>" else []), at


def test_lines_of_any_length_are_cut_as_byte_by_byte():
    """Blanks, newlines and ends of lines at every place of the core's blocks of 64 bytes."""
    random = np.random.default_rng(9)
    model = made(maxn=0)
    parts = [b" ", b"\t", b"\0", b"\v \f", b"good", b"bad", b"q", b"word" * 5, "né".encode(), LABELS[1]]
    rare = [*parts, b"\n", b"</s>", b"</s>x", b"\r\n", b" </s> "]
    for number in range(600):
        chosen = random.integers(0, len(rare if number % 3 == 0 else parts), 1 + number // 10)
        text = b"".join(rare[i] for i in chosen)
        for kind in (0, 1):
            tokens, used = read_bytes(text, kind == 1)
            ids, labels, count, read = model._model.line(text, kind)
            words = [token for token in tokens if not token.startswith(b"__label__")]
            wanted = [WORDS.index(word) for word in words if word in WORDS]
            wanted += [len(WORDS) + bucket for bucket in word_ngrams(words, 3, 97)]
            assert (ids.tolist(), count, read) == (wanted, len(tokens), used), (text, kind)
            assert labels.tolist() == [LABELS.index(token) for token in tokens if token in LABELS]


def test_a_text_of_lines_is_read_line_by_line():
    model = made()
    text, at, found = b"good\n\nbad </s>  good", 0, []
    while at < len(text):
        _, _, tokens, used = model._model.line(text[at:], 0)
        found.append((tokens, used))
        at += used
    assert found == [(2, 5), (1, 1), (2, 9), (1, 5)]  # the last without an end of the line


@pytest.mark.parametrize("fold", [False, True])
@pytest.mark.parametrize("loss", ["softmax", "ova", "ns", "hs"])
def test_predictions_follow_the_formulas(loss, fold):
    model = made(fold, loss=loss)
    texts = ["good né", "bad bad unseen", "", "x y z"]
    rows, output = model._sections[1], model._sections[2]
    found, shares = model.predict(texts, k=-1)
    for text, labels, share in zip(texts, found, shares, strict=True):
        ids, *_ = model._model.line(text.encode(), 1)
        hidden = rows[ids].astype(np.float64).mean(0)
        logits = output.astype(np.float64) @ hidden
        if loss == "softmax":
            expected = np.exp(logits) / np.exp(logits).sum()
        elif loss == "hs":  # one inner node: its right side is the label that is taken second
            right = 1 / (1 + np.exp(-logits[0]))
            expected = np.array([right, 1 - right])
        else:  # a step of 1/32 of the logit
            expected = 1 / (1 + np.exp(-(np.floor((logits + 8) * 32) / 32 - 8)))
        order = np.argsort(-expected, kind="stable")
        assert labels == [LABELS[label].decode() for label in order]
        np.testing.assert_allclose(share, np.minimum(expected[order] + 1e-5, 1), atol=3e-5)
    assert model.predict(texts[0], k=1) == ((found[0][0],), shares[0][:1])


@pytest.mark.parametrize("labels", [1, 2, 3, 4])
@pytest.mark.parametrize("loss", ["softmax", "ova", "ns", "hs"])
def test_folded_models_predict_the_same_from_shorter_rows(loss, labels, tmp_path):
    model = made(False, loss=loss, labels=labels)
    texts = ["good né", "bad bad unseen", "", "x y z"]
    expected = model.predict(texts, k=-1)
    table = made(True, loss=loss, labels=labels)
    rows, output = table._model.folded()
    columns = max(labels - 1, 1) if loss in ("softmax", "hs") else labels
    assert rows.shape == (101, columns) and output.shape == (labels, columns)
    model.get_nearest_neighbors("good")
    model.fold()
    model.save_model(tmp_path / "model.bin")
    read = load_model(tmp_path / "model.bin")
    assert not read._facts["folded"] and read.get_dimension() == columns and read.args["loss"] == loss
    assert model["good"].shape == (columns,) and len(model.get_nearest_neighbors("good")) == 3
    for one in (table, model, read):
        found, shares = one.predict(texts, k=-1)
        assert found == expected[0]
        if loss in ("softmax", "hs"):  # the others' are steps of a table, which may fall to either side
            np.testing.assert_allclose(shares, expected[1], rtol=0, atol=1e-6)
        np.testing.assert_array_equal(shares, table.predict(texts, k=-1)[1])
    with pytest.raises(ValueError, match=f"rows of {columns} floats do not get shorter"):
        read.fold()


def test_equal_labels_come_in_their_order():
    rows = np.zeros((4, 3), np.float32)
    labels = [(f"__label__{i}".encode(), 1) for i in range(5)]
    dictionary = packed_dictionary([(word, 1) for word in WORDS], labels, 9)
    model = FastText._from_parts({"dim": 3, "bucket": 0}, dictionary, rows, np.ones((5, 3), np.float32))
    for k in (1, 3, -1):
        assert model.predict("good", k=k)[0] == tuple(model.labels[: k if k > 0 else 5])


def test_files_are_written_and_read_again(tmp_path):
    model = made()
    facts = f"{len(model.words)} words, {len(model.labels)} labels, {len(model.get_input_matrix())} rows x "
    assert repr(model) == f"<FastText: {facts}{model.get_dimension()}>"
    model.save_model(tmp_path / "model.bin")
    for read in (load_model(tmp_path / "model.bin"), load_model((tmp_path / "model.bin").read_bytes())):
        assert read.args == model.args and read.labels == model.labels and read.words == model.words
        assert read.predict(["good", "x"])[0] == model.predict(["good", "x"])[0]
        read.save_model(tmp_path / "again.bin")
        assert (tmp_path / "again.bin").read_bytes() == (tmp_path / "model.bin").read_bytes()


def test_spans_are_predicted_as_texts():
    model = made()
    data = "good né\nbad|unseen".encode()
    spans = np.array([[0, 12], [13, 19], [5, 5]])
    labels, shares, counts = model._model.predict_spans(data, spans, 2, 0.0)
    texts = ["good né bad", "unseen", ""]
    assert counts.tolist() == [2, 2, 2]
    found, expected = model.predict(texts, k=2)
    assert [[model.labels[label] for label in row] for row in labels] == found
    np.testing.assert_array_equal(shares, expected)


def test_the_core_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="input matrix is 3 x 5"):
        dictionary = packed_dictionary([(b"a", 1)], [(b"__label__x", 1)], 2)
        FastText._from_parts(
            {"dim": 4, "bucket": 0}, dictionary, np.zeros((3, 5), np.float32), np.zeros((1, 5), np.float32)
        )
    with pytest.raises(ValueError, match="no fastText model"):
        _core.FastTextModel(b"something else")
