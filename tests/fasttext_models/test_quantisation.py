"""Models made small: codes and centroids near the rows, the cut, learning on, the same bytes again."""

from pathlib import Path

import numpy as np
import pytest

from embedcnn import _core
from embedcnn.fasttext import load_model

HERE = Path(__file__).parent / "golden"
TEST = HERE / "test.txt"


def rows_of(codes: np.ndarray, centroids: np.ndarray, columns: int, part: int) -> np.ndarray:
    made = np.zeros((len(codes), columns), np.float32)
    for place in range(codes.shape[1]):
        first = place * part
        width = min(part, columns - first)
        table = centroids[first * 256 : (first + width) * 256].reshape(256, width)
        made[:, first : first + width] = table[codes[:, place]]
    return made


@pytest.mark.parametrize(("columns", "part"), [(4, 2), (5, 2), (3, 3), (1, 1), (7, 5)])
def test_codes_are_the_nearest_centroids(columns, part):
    rows = np.random.default_rng(columns).standard_normal((1500, columns)).astype(np.float32)
    codes, centroids = _core.fasttext_quantise(rows, part, 1)
    made = rows_of(codes, centroids, columns, part)
    for place in range(codes.shape[1]):
        first, width = place * part, min(part, columns - place * part)
        table = centroids[first * 256 : (first + width) * 256].reshape(256, width)
        apart = ((rows[:, None, first : first + width] - table) ** 2).sum(2)
        chosen = np.take_along_axis(apart, codes[:, place : place + 1].astype(int), 1)[:, 0]
        np.testing.assert_allclose(chosen, apart.min(1), rtol=1e-4, atol=1e-9)
    assert ((made - rows) ** 2).mean() < {1: 1e-3, 2: 0.02, 3: 0.1, 5: 0.4}[part]


def test_few_and_equal_rows():
    rows = np.array([[1, 2], [1, 2], [3, 4]], np.float32)
    codes, centroids = _core.fasttext_quantise(rows, 2, 1)
    np.testing.assert_allclose(rows_of(codes, centroids, 2, 2), rows, atol=1e-6)


def test_bits_do_not_depend_on_threads():
    rows = np.random.default_rng(0).standard_normal((900, 4)).astype(np.float32)
    expected = [array.tobytes() for array in _core.fasttext_quantise(rows, 2, 1)]
    for threads in (1, 2, 8):
        _core.set_num_threads(threads)
        try:
            assert [array.tobytes() for array in _core.fasttext_quantise(rows, 2, 1)] == expected
        finally:
            _core.set_num_threads(0)


SETTINGS = [
    ("pairs.bin", {}),
    ("characters.bin", {"qnorm": True}),
    ("characters.bin", {"cutoff": 280}),
    ("characters.bin", {"cutoff": 290, "qout": True, "qnorm": True, "dsub": 3}),
    ("characters.bin", {"cutoff": 280, "retrain": True, "input": TEST, "lr": 0.2, "epoch": 3}),
    ("ova.bin", {"cutoff": 200, "retrain": True, "input": TEST}),
    ("hs.bin", {"cutoff": 250}),
    ("words.bin", {"cutoff": 9}),
]


@pytest.mark.parametrize(("name", "settings"), SETTINGS)
def test_quantised_models(name, settings, tmp_path):
    model, whole = load_model(HERE / name), load_model(HERE / name)
    model.quantize(**settings)
    assert model.is_quantized() and model.labels == whole.labels
    model.save_model(tmp_path / "model.ftz")
    again = load_model(tmp_path / "model.ftz")
    assert again.test(TEST) == model.test(TEST)
    assert again.test(TEST)[1] > whole.test(TEST)[1] - 0.15
    cut = settings.get("cutoff", 0)
    if cut:
        assert again._facts["rows"] == cut and "</s>" in again.words
        kept = [word for word in whole.words if word in again]
        assert again.words == kept
    else:
        assert again.words == whole.words
        near = np.stack([again[word] for word in whole.words])
        rows = np.stack([whole[word] for word in whole.words])
        assert ((near - rows) ** 2).mean() < 0.01 * (rows**2).mean()
    if settings.get("qout"):
        with pytest.raises(ValueError, match="quantised"):
            again.get_output_matrix()
    repeated = load_model(HERE / name)
    repeated.quantize(**settings)
    repeated.save_model(tmp_path / "again.ftz")
    assert (tmp_path / "again.ftz").read_bytes() == (tmp_path / "model.ftz").read_bytes()
