"""Text files: every spelling of a number, every shape of a line, whatever the tiles, windows and threads."""

import bz2
import gzip
import lzma
import tracemalloc
import warnings
import zipfile
from fractions import Fraction

import numpy as np
import pytest
from draws import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from embedcnn import _core, vectors


def load_text(folder, text, **options):
    path = folder / "vectors.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return vectors.load(path, **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("text")


def exactly(text):
    """float32 nearest to a decimal text, ties to even, by exact arithmetic."""
    exact = Fraction(text)
    with np.errstate(over="ignore"):
        near = np.float32(float(exact))
        around = [np.nextafter(near, np.float32(-np.inf)), near, np.nextafter(near, np.float32(np.inf))]

    def distance(x):
        value = Fraction(float(x)) if np.isfinite(x) else Fraction(2) ** 128 * int(np.sign(x))
        return abs(value - exact), int(x.view(np.uint32)) & 1

    return min(around, key=distance)


HARD = [
    "0.1 16777217 16777219 33554435 9007199254740993 1.17549435e-38 1.1754942e-38 1e-45 "
    "7.0064923216240853e-46 "
    "7.0064923216240854e-46 1e-60 0.000000000000000000000000000000000000000000001 "
    "3.4028234e38 3.4028235677973365e38",
    "0.5 .5 5. +1.5 -0 00001.5 1.00000005960464477539062500 1.00000005960464477539062501 8388609.5 8388608.5",
    "1.1754943157898258998e-38 2.3509887e-38 12345678901234567890123 0.30000001192092896 1e10 1E+5 1e-05",
    "1.000000178813934326171874999999999999999999999999999999 "
    "1.000000178813934326171875 100000000000000000000e-20",
]


def test_hard_numbers(folder):
    fields = " ".join(HARD).split()
    wv = load_text(folder, "w " + " ".join(fields) + "\n", format="glove")
    for text, value in zip(fields, wv["w"], strict=True):
        assert value == exactly(text), text
    assert np.signbit(load_text(folder, "w -0.0 1\n")["w"][0])


numbers = st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(lambda x: repr(float(x))),
    st.floats(min_value=-1e38, max_value=1e38).map(repr),
    st.decimals(-9, 9, places=5).map(str),
    st.from_regex(r"-?[0-9]{1,30}(\.[0-9]{0,30})?", fullmatch=True),
    st.from_regex(r"[-+]?[0-9]?\.[0-9]{1,12}[eE][-+]?[0-3]?[0-9]", fullmatch=True),
)


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(numbers, min_size=1, max_size=12))
def test_any_number_is_rounded_correctly(folder, fields):
    wanted = [exactly(field) for field in fields]
    if not np.isfinite(wanted).all():
        with pytest.raises(ValueError, match="too large"):
            load_text(folder, "w " + " ".join(fields) + "\n", format="glove")
        return
    got = load_text(folder, "w " + " ".join(fields) + "\n", format="glove")["w"]
    assert got.tolist() == [float(x) for x in wanted]


words = st.text(min_size=1, max_size=12).filter(
    lambda w: "\n" not in w and w.strip(" \t\r") == w and not w.startswith("\ufeff")
)


@settings(max_examples=examples(150), deadline=None)
@given(
    st.lists(words, min_size=2, max_size=30, unique=True), st.sampled_from(["\n", "\r\n", " \n", "\t \r\n"])
)
def test_any_word_survives(folder, names, end):
    rows = np.arange(3 * len(names), dtype=np.float32).reshape(-1, 3) / 7
    lines = [name + " " + " ".join(map(repr, row.tolist())) for name, row in zip(names, rows, strict=True)]
    header = f"{len(names)} 3{end}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wv = load_text(folder, header + end.join(lines) + end, format="word2vec")
    assert wv.index_to_key == names
    np.testing.assert_array_equal(wv.vectors, rows)


@settings(max_examples=examples(300), deadline=None)
@given(st.binary(min_size=1, max_size=20).filter(lambda b: not set(b) & set(b" \t\r\n")))
def test_bytes_decode_as_in_python(folder, word):
    for errors in ("ignore", "replace"):
        text = b"2 1\n" + word + b" 1\nlast 2\n"
        decoded = word.decode("utf-8", errors)
        if decoded in ("", "last"):
            continue
        assert load_text(folder, text, unicode_errors=errors, format="word2vec").index_to_key == [
            decoded,
            "last",
        ]
        assert decoded in load_text(folder, text, unicode_errors=errors, format="word2vec", words=[decoded])


@settings(max_examples=examples(200), deadline=None)
@given(st.binary(max_size=300) | st.text("0123456789. -en\n\r\tab", max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused(folder, data):
    for options in ({}, {"words": ["a", "0 1"]}, {"on_bad_lines": "skip"}):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                wv = load_text(folder, data, **options)
            except (ValueError, ImportError):  # ImportError: Zstandard's first bytes
                continue
        assert np.isfinite(wv.vectors).all() and len(wv.index_to_key) == len(wv.vectors)


def test_words_with_spaces_and_nbsp(folder):
    text = ". . . 1 2\nat name@domain.com 3 4\nx\u00a0y 5 6\n\u2003 7 8\n1 9 10\n1 2/3 11 12\na\tb 13 14\n"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wv = load_text(folder, "the 0 0\n" + text)
    assert wv.index_to_key == [
        "the",
        ". . .",
        "at name@domain.com",
        "x\u00a0y",
        "\u2003",
        "1",
        "1 2/3",
        "a\tb",
    ]
    assert wv[". . ."].tolist() == [1, 2]
    assert load_text(folder, "the 0 0\n" + text, words=["at", "at name@domain.com", "1"]).index_to_key == [
        "at name@domain.com",
        "1",
    ]
    with pytest.warns(UserWarning, match="1 lines hold more numbers than the 2 expected"):
        assert load_text(folder, "a 1 2\nb 1 2\nof 0.5 1 2\n").index_to_key[2] == "of 0.5"


def test_header_bom_line_ends_and_last_line(folder):
    for head in ("", "2 2\n", "\ufeff", "\ufeff2 2\r\n"):
        for tail in ("", "\n", "\r\n", " \n\n\n"):
            wv = load_text(folder, head + "a 1 2\nb 3 4" + tail)
            assert wv.index_to_key == ["a", "b"] and wv["b"].tolist() == [3, 4]


def test_duplicates(folder):
    text = "a 1\nb 2\na 3\n"
    with pytest.warns(UserWarning, match="1 words occur more than once, the first .* 'a' in line 3"):
        assert load_text(folder, text)["a"] == 1
    with pytest.warns(UserWarning, match="the last vector"):
        assert load_text(folder, text, duplicates="last")["a"] == 3
    with pytest.warns(UserWarning, match="the last vector"):
        assert load_text(folder, text, duplicates="last", words=["a"])["a"] == 3
    with pytest.raises(ValueError, match="line 3: the word 'a' was there before"):
        load_text(folder, text, duplicates="error")


def test_limit_stops_before_a_bad_line(folder):
    text = "a 1 2\nb 3 4\nbad x 5\nc 6 7\n"
    assert load_text(folder, text, limit=2).index_to_key == ["a", "b"]
    assert len(load_text(folder, text, limit=0)) == 0
    assert load_text(folder, "9 2\na 1 2\nb 3 4\nc 5 6\n", limit=2, words=["b", "c"]).index_to_key == ["b"]
    with pytest.raises(ValueError, match="line 3"):
        load_text(folder, text, limit=3)


def big_text(rows, rng):
    matrix = rng.normal(size=(rows, 20)).astype(np.float32).round(5)
    names = [f"w{i}" if i % 7 else f"w {i}" for i in range(rows)]
    lines = [name + " " + " ".join(f"{x:.5f}" for x in row) for name, row in zip(names, matrix, strict=True)]
    return names, "\n".join(lines).encode() + b"\n"


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """A file of several windows (12 MB)."""
    names, text = big_text(70_000, np.random.default_rng(1))
    path = tmp_path_factory.mktemp("big") / "big.txt"
    path.write_bytes(text)
    return path, names, text


def test_threads_windows_and_compression_do_not_matter(big, threads, tmp_path):
    path, names, text = big
    whole = vectors.load(path)
    assert whole.index_to_key == names
    lines = text.split(b"\n")
    for row in range(0, len(names), 997):
        wanted = np.array([float(x) for x in lines[row].split(b" ")[-20:]], np.float32)
        np.testing.assert_array_equal(whole.vectors[row], wanted)
    if threads != 2:
        return
    for name, pack in {"gz": gzip.compress, "bz2": bz2.compress}.items():
        (tmp_path / name).write_bytes(pack(text, 1))
        np.testing.assert_array_equal(vectors.load(tmp_path / name).vectors, whole.vectors)
    (tmp_path / "xz").write_bytes(lzma.compress(text, preset=0))
    np.testing.assert_array_equal(vectors.load(tmp_path / "xz").vectors, whole.vectors)
    with zipfile.ZipFile(tmp_path / "zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("big.txt", text)
    np.testing.assert_array_equal(vectors.load(tmp_path / "zip").vectors, whole.vectors)
    half = vectors.load(path, dtype="float16")
    np.testing.assert_array_equal(half.vectors, whole.vectors.astype(np.float16))


def test_wanted_words_only(big):
    path, names, _ = big
    wanted = names[::50] + ["absent", "w 7 7"]
    whole = vectors.load(path)
    tracemalloc.start()
    some = vectors.load(path, words=wanted)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert some.index_to_key == names[::50]
    np.testing.assert_array_equal(some.vectors, whole[names[::50]])
    assert peak < some.vectors.nbytes + 2**22


def test_the_number_of_a_bad_line_far_behind(big, tmp_path, threads):
    _, _, text = big
    lines = text.split(b"\n")
    lines[60_000] += b"x"
    (tmp_path / "bad").write_bytes(b"\n".join(lines))
    for options in ({}, {"words": ["w60000"]}):
        with pytest.raises(
            ValueError, match="line 60001: field 20 of the vector is '.*x', which is not a number"
        ):
            vectors.load(tmp_path / "bad", **options)


def test_a_line_longer_than_a_window(folder):
    row = np.arange(900_000) % 1000 / 8
    text = "a " + " ".join(map(repr, row.tolist())) + "\nb" + " 1.25" * 900_000 + "\n"
    assert len(text) > 8 << 20
    wv = load_text(folder, text)
    np.testing.assert_array_equal(wv["a"], row.astype(np.float32))
    assert (wv["b"] == 1.25).all()


def test_failed_allocations_are_memory_errors(folder):
    text = "\n".join(f"word{i} 1 2 3" for i in range(3000))
    for number in range(1, 500):
        _core._memory_fail_at(number, 1)
        try:
            load_text(folder, text)
        except MemoryError:
            continue
        finally:
            _core._memory_fail_at(0, 0)
        break
    else:
        pytest.fail("no load got through")
    assert number > 5  # so many allocations were made to fail, one after the other
