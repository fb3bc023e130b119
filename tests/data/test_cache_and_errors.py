"""`Dataset.cache(filename)`, `ignore_errors`, `list_files`, and which batches are taken without a copy."""

import numpy as np
import pytest

from embedcnn.data import Dataset
from embedcnn.ragged import Ragged

ELEMENT = (
    np.arange(6, dtype=np.float32).reshape(2, 3),
    {"text": "größer", "number": 3, "share": 0.1, "none": None, "truth": True},
    np.float64(0.1),
    np.zeros((0, 4), np.uint8),
    np.array(["a", "ßé"], dtype=object),
    b"\x00\xff",
    np.array(7),
    Ragged.from_sequences([[1, 2], [3]]),
)


def same(a, b):
    if isinstance(a, tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, Ragged):
        return same(np.asarray(a.ids), np.asarray(b.ids)) and same(a.offsets, b.offsets)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and bool((a == b).all())
    return type(a) is type(b) and a == b


def test_a_file_gives_what_was_put_in(tmp_path):
    name, calls = tmp_path / "elements", []
    elements = Dataset.range(3).map(lambda number: calls.append(number) or (number, ELEMENT)).cache(name)
    first = list(elements)
    assert calls == [0, 1, 2]
    for again in (list(elements), list(Dataset.range(0).cache(name))):  # the file counts, whoever wrote it
        assert same(tuple(again), tuple(first)) and same(again[1], (1, ELEMENT))
    assert calls == [0, 1, 2]


def test_arrays_of_a_file_are_aligned_views_of_it(tmp_path):
    rows = Dataset.from_tensor_slices(np.arange(30, dtype=np.int16).reshape(10, 3)).cache(tmp_path / "x")
    assert len(list(rows)) == len(list(rows.repeat(2))) / 2 == 10
    for row in rows:
        assert not row.flags.writeable and not row.flags.owndata and row.ctypes.data % 64 == 0


def test_a_pass_that_is_left_leaves_no_file(tmp_path):
    numbers = Dataset.range(5).cache(tmp_path / "numbers")
    with iter(numbers) as some:
        assert next(some) == 0
    assert not list(tmp_path.iterdir())
    assert list(numbers) == list(range(5)) == list(numbers) and [one.name for one in tmp_path.iterdir()]


def test_an_empty_data_set_has_a_file(tmp_path):
    none = Dataset.range(0).cache(tmp_path / "none")
    assert list(none) == list(none) == [] and (tmp_path / "none").exists()


@pytest.mark.parametrize("content", [b"", b"some other file", b"embedcnn cached elements 1\n"])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ValueError, match="`filename` must be a file that cache wrote"):
        list(Dataset.range(3).cache(tmp_path / "x"))
    assert (tmp_path / "x").read_bytes() == content


@pytest.mark.parametrize("at", [-9, -17, 40])
def test_a_changed_file_is_an_error_and_no_crash(tmp_path, at):
    list(Dataset.from_tensor_slices(np.ones((3, 4))).cache(tmp_path / "x"))
    content = bytearray((tmp_path / "x").read_bytes())
    content[at] ^= 0x7F
    (tmp_path / "x").write_bytes(content)
    try:
        found = list(Dataset.range(0).cache(tmp_path / "x"))
    except (ValueError, TypeError, KeyError, IndexError) as error:
        assert str(error)
    else:
        assert len(found) <= 3


def test_misuse_of_cache(tmp_path):
    with pytest.raises(TypeError, match="`filename` must be a path"):
        Dataset.range(2).cache(3)
    with pytest.raises(TypeError, match="element 0 with a set"):
        list(Dataset.from_tensors({1, 2}).cache(tmp_path / "x"))
    assert not list(tmp_path.iterdir())


# -- errors --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("threads", [None, 2])
def test_errors_are_left_out_and_counted(threads):
    numbers = Dataset.from_tensor_slices(["1", "two", "3", "four"]).map(int, num_parallel_calls=threads)
    kept = numbers.ignore_errors()
    batches = kept.batch(2)
    assert list(kept) == [1, 3] and kept.cardinality() == -2
    assert len(kept.ignored_errors) == 2 and "element 1: invalid literal" in kept.ignored_errors[0]
    assert [batch.tolist() for batch in batches] == [[1, 3]] and batches.ignored_errors is kept.ignored_errors
    with pytest.raises(ValueError, match="invalid literal"):
        list(numbers)  # which stays as it was


def test_a_warning_counts():
    kept = Dataset.from_tensor_slices([(1, 0), (6, 3)]).map(lambda pair: divmod(*pair.tolist()))
    with pytest.warns(UserWarning, match="left out 1 of 2 elements. The first: element 0: "):
        assert list(kept.ignore_errors(log_warning=True)) == [(2, 0)]


def test_where_all_fail_the_error_is_raised():
    with pytest.raises(ZeroDivisionError):
        list(Dataset.range(3).map(lambda number: number // 0).ignore_errors())


def test_only_the_errors_that_are_named():
    numbers = Dataset.from_tensor_slices(["1", "two"]).map(int)
    with pytest.raises(ValueError, match="two"):
        list(numbers.ignore_errors(errors=OSError))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dataset.range(3).ignore_errors(), "must come right behind map"),
        (lambda: Dataset.range(3).map(str).batch(2).ignore_errors(), "must come right behind map"),
        (lambda: Dataset.range(3).map(str).ignore_errors(errors=3), "`errors` must be a type of exceptions"),
    ],
)
def test_misuse_of_ignore_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# -- files ---------------------------------------------------------------------------------------------------
@pytest.fixture
def folder(tmp_path):
    for name in ("b/2.jpg", "b/1.jpg", "a/3.jpg", "a/[x].jpg", "a/note.txt", "a/c.jpg/inside"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def test_files_are_listed_sorted(folder):
    found = Dataset.list_files(str(folder / "*" / "*.jpg"), shuffle=False)
    assert list(found) == sorted(
        str(folder / name) for name in ("a/3.jpg", "a/[x].jpg", "b/1.jpg", "b/2.jpg")
    )
    assert len(found) == 4
    several = [folder / "b/2.jpg", folder / "a/[x].jpg", str(folder / "a" / "*.txt")]
    assert [name[-5:] for name in Dataset.list_files(several, shuffle=False)] == ["].jpg", "e.txt", "2.jpg"]
    assert sorted(Dataset.list_files(several)) == list(Dataset.list_files(several, shuffle=False))


def test_files_are_mixed_anew_by_seed_and_epoch(tmp_path):
    for number in range(8):
        (tmp_path / f"{number}").write_bytes(b"")
    files = Dataset.list_files(tmp_path / "*", seed=1)
    first, second = list(files), list(files)
    assert first != second and sorted(first) == sorted(second)
    assert list(Dataset.list_files(tmp_path / "*", seed=1)) == first


def test_misuse_of_list_files(folder):
    with pytest.raises(FileNotFoundError, match=r"no file matches `file_pattern`. Received: .*\*\.png"):
        Dataset.list_files(folder / "*.png")
    with pytest.raises(ValueError, match="at least one path"):
        Dataset.list_files([])
    with pytest.raises(TypeError, match="`file_pattern` must be a path"):
        Dataset.list_files([3])
    with pytest.raises(TypeError, match="`shuffle` must be True or False or None"):
        Dataset.list_files(folder / "*", shuffle="no")


# -- batches without copies ----------------------------------------------------------------------------------
def test_batches_last_whatever_passes_them_on():
    rows = Dataset.from_tensor_slices(np.ones((8, 2), np.float32))
    batches = rows.shuffle(8, seed=1).batch(2)
    for lasting in (batches, batches.prefetch(2), batches.cache(), batches.take(2).skip(1).repeat(2)):
        assert lasting.lasting
    for other in (rows, batches.map(lambda x: x), Dataset.from_generator(lambda: iter([np.ones(2)]))):
        assert not other.lasting
