"""Words of every script: what users of other languages than English type, and what tokens they get."""

import pytest

import embedcnn
from embedcnn import _core
from embedcnn.classifier import make_encoder
from embedcnn.encoding import WordEncoder, words_of
from embedcnn.text import TextEncoder
from embedcnn.text.unicode_words import alone, cuts, marks

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"  # three emoji with joiners: one picture
FLAGS = "\U0001f1e9\U0001f1ea", "\U0001f1eb\U0001f1f7"  # Germany, France
THUMB = "\U0001f44d\U0001f3fd"  # with a skin tone


def word_tokens(text: str) -> list[str]:
    return TextEncoder(standardize="lower_unicode", split="words").tokens([text])[0]


@pytest.mark.parametrize(
    "word",
    [
        "नमस्ते",  # Hindi: vowel signs and virama
        "cafe\u0301",  # French as decomposed by macOS
        "தமிழ்நாடு",  # Tamil
        "שָׁלוֹם",  # Hebrew with points
        "العَرَبِيَّة",  # Arabic with vowels
        "สวัสดีครับ",  # Thai: no spaces, one run
        "می\u200cخواهم",  # Persian: a zero-width non-joiner inside a word
        "क्\u200dष",  # a zero-width joiner
        "ﬁn\u0327",
    ],
)
def test_marks_and_joiners_stay_in_their_word(word):
    assert words_of(f"{word} a {word}") == [word, "a", word]
    assert word_tokens(f"{word} a {word}") == [word.lower(), "a", word.lower()]


def test_a_word_encoder_counts_words_of_hindi_and_decomposed_french():
    assert WordEncoder.from_text("नमस्ते cafe\u0301").vocabulary.tokens[2:] == ["नमस्ते", "cafe\u0301"]


@pytest.mark.parametrize("picture", [FAMILY, *FLAGS, THUMB, "\u2764\ufe0f"])
def test_a_picture_is_one_token(picture):
    assert word_tokens(f"so{picture}{picture}!") == ["so", picture, picture]
    assert words_of(f"so{picture}{picture}!") == ["so", picture, picture, "!"]


def test_flags_are_cut_in_pairs():
    assert word_tokens("".join(FLAGS) * 2) == [*FLAGS, *FLAGS]
    assert words_of("".join(FLAGS)) == [*FLAGS]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Отличный «фильм», „Gut“!", ["отличный", "фильм", "gut"]),
        ("我喜欢猫。很好！ 2024年", ["我", "喜", "欢", "猫", "很", "好", "2024", "年"]),
        ("ガ日本（語）か\u3099", ["ガ", "日", "本", "語", "か\u3099"]),
        ("한국어 문장입니다.", ["한국어", "문장입니다"]),
        ("ΣΊΣΥΦΟΣ İstanbul", ["σίσυφος", "i\u0307stanbul"]),
        ("यह अच्छा है।", ["यह", "अच्छा", "है"]),
        ("ما هذا؟ لا، شكرا", ["ما", "هذا", "لا", "شكرا"]),
        ("l\u2019été — d’accord…", ["l", "été", "d", "accord"]),
        ("a_b don't 3.5%", ["a_b", "don", "t", "3", "5"]),
        ("20\u00a0000 €5", ["20", "000", "€", "5"]),
        ("", []),
        ("。！", []),
    ],
)
def test_words_of_texts_in_several_scripts(text, tokens):
    assert word_tokens(text) == tokens


def test_english_is_cut_as_before():
    text = "The cat's \"mat\" (it cost $3.50) -- isn't it? e.g. a_b; [x]\t<y>\n" * 3
    old = TextEncoder(standardize="lower", filters="!\"#$%&'()*+,-./:;<=>?@[\\]^`{|}~")
    assert word_tokens(text) == old.tokens([text])[0]


def test_the_fast_and_the_slow_way_to_tokens_agree():
    """Long texts go through masks of 64 bytes; tokens() goes one by one."""
    rules = _core.TextRules("words", "unicode", " .!" + cuts(), "", alone(), marks())
    pieces = ["word ", "Ünïcode ", "中", FAMILY, FLAGS[0], "नमस्ते", "…", "cafe\u0301 ", "x" * 70 + " "]
    texts = ["".join(pieces[(i * k) % len(pieces)] for i in range(200)) for k in range(1, 12)]
    table = _core.WordTable()
    table.count(texts, rules, 0)
    words = table.words()
    encoder = TextEncoder(standardize=None, split="words", vocabulary=words)
    lists = rules.tokens(texts)
    assert sum(table.counts()) == sum(len(tokens) for tokens in lists)
    assert set(words) == {token for tokens in lists for token in tokens}
    assert encoder.vocabulary.encode(lists).tolist() == [
        [words.index(token) + 2 for token in tokens] for tokens in lists
    ]


def test_every_character_alone_has_room():
    """A text of nothing but tokens of one character: more tokens than bytes / 2."""
    rules = _core.TextRules("words", "none", " ", "", "!!", "")
    table = _core.WordTable(["!"])
    import numpy as np

    for length in (1, 63, 64, 65, 5000):
        ids, offsets = table.encode(["!" * length], rules, np.array([7], np.int32), 1, 0)
        assert ids.tolist() == [7] * length and offsets.tolist() == [0, length]


@pytest.mark.parametrize(("alone_pairs", "extend_pairs"), [("ab c", ""), ("ba", ""), ("a", ""), ("", "bca")])
def test_ranges_must_be_pairs_in_order(alone_pairs, extend_pairs):
    with pytest.raises(ValueError, match="pairs of first and last characters"):
        _core.TextRules("words", "none", " ", "", alone_pairs, extend_pairs)


def test_the_recipe_knows_words_of_every_language():
    encoder = make_encoder(["Отличный фильм", "отличный, ФИЛЬМ", "好的"])
    assert encoder.get_vocabulary(include_special_tokens=False)[:2] == ["фильм", "отличный"]
    assert encoder(["好的"]).lengths.tolist() == [2]


@pytest.mark.parametrize(
    ("tokenizer", "tokens"),
    [
        ("words", ["it", "s", "ok"]),
        ("whitespace", ["it’s", "ok!"]),
        ("chars", ["i", "t", "’", "s", " ", "o", "k", "!"]),
        ("char_ngrams", None),
    ],
)
def test_tokenizers_of_the_recipe(tokenizer, tokens):
    encoder = make_encoder(["It’s OK!"], tokenizer=tokenizer)
    found = encoder.tokens(["It’s OK!"])[0]
    if tokens is None:
        assert found[:2] == ["i", "t"] and "o k !" in found and len(found) == 8 + 7 + 6
    else:
        assert found == tokens


def test_an_unknown_tokenizer_is_named():
    with pytest.raises(ValueError, match="tokenizer.*'bpe'"):
        make_encoder(["a"], tokenizer="bpe")


def test_a_saved_model_cuts_texts_as_the_one_in_memory(tmp_path):
    encoder = TextEncoder(standardize="lower_unicode", split="words")
    encoder.adapt(["Отличный «фильм»", "好的"])
    tokens = embedcnn.Input((None,), dtype="int32")
    x = embedcnn.layers.Embedding(encoder.vocabulary_size(), 4)(tokens)
    model = embedcnn.Model(tokens, embedcnn.layers.GlobalAveragePooling1D()(x))
    model.text_encoder = encoder
    model.save(tmp_path / "m.embedcnn")
    again = embedcnn.models.load_model(tmp_path / "m.embedcnn")
    assert again.text_encoder.tokens(["ОТЛИЧНЫЙ… 好"]) == [["отличный", "好"]]
    assert (again.predict(["ФИЛЬМ 好的"], verbose=0) == model.predict(["ФИЛЬМ 好的"], verbose=0)).all()


def test_words_do_not_take_punctuation_away_before_they_cut():
    with pytest.raises(ValueError, match="standardize='lower_and_strip_punctuation'"):
        TextEncoder(split="words")
