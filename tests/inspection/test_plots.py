"""Plots show the numbers that they are given, whatever the names hold."""

import sys

import numpy as np
import pytest
from bags import reviews

import embedcnn
from embedcnn import inspection, layers
from embedcnn.bags import BagClassifier
from embedcnn.callbacks import History

NAMES = ["cat", "dog $x_2$", "<b>cow</b>", "a name that is longer than any place for it"]
Y = np.arange(40) % 4
P = np.random.default_rng(2).dirichlet([0.5] * 4, 40)
NAMED = [NAMES[number] for number in Y]


@pytest.fixture(scope="module", autouse=True)
def pyplot():
    """matplotlib without a screen; its figures are closed at the end."""
    matplotlib = pytest.importorskip("matplotlib", reason="needs the extra plot")
    matplotlib.use("agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def history(**values):
    made = History()
    made.history = values
    return made


def test_a_history():
    axes = history(loss=[3.0, 2, 1], val_loss=[3.0, 2.5, 2.4], accuracy=[0.1, 0.5, 0.7]).plot()
    assert [one.get_title() for one in axes] == ["loss", "accuracy"]
    lines = axes[0].get_lines()
    assert [line.get_ydata().tolist() for line in lines] == [[3, 2, 1], [3, 2.5, 2.4]]
    assert lines[0].get_xdata().tolist() == [1, 2, 3]
    axes[0].figure.canvas.draw()


def test_a_trained_model_and_its_layers(pyplot):
    ids = embedcnn.Input((None,), dtype="int32")
    x = layers.Embedding(9, 3, name="words_$_$")(ids)
    x = layers.Concatenate()([layers.GlobalMaxPooling1D()(layers.Conv1D(2, k)(x)) for k in (1, 2)])
    model = embedcnn.Model(ids, layers.Dense(2, activation="softmax")(x), name="net")
    axes = model.plot()
    shown = [one.get_text() for one in axes.texts if one.get_text()]
    assert len(shown) == len(model.layers)
    assert any(text.startswith(r"words_\$_\$ (Embedding)") and "27 weights" in text for text in shown)
    arrows = [one for one in axes.texts if not one.get_text()]
    assert len(arrows) == 8  # 1 to the table, 2 from it, 2 to the pools, 2 to the sum of parts, 1 from it
    axes.figure.canvas.draw()
    boxes = [one.get_window_extent() for one in axes.texts if one.get_text()]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_decisions(pyplot):
    predicted = [NAMES[number] for number in P.argmax(axis=1)]
    figure, axes = pyplot.subplots(1, 3)
    assert inspection.plot_confusion_matrix(NAMED, predicted, NAMES, axes[0]) is axes[0]
    counts = inspection.confusion_matrix(NAMED, predicted, NAMES)
    shown = {one.get_position(): int(one.get_text()) for one in axes[0].texts}
    assert shown == {(j, i): counts[i, j] for i, j in np.argwhere(counts)}
    inspection.plot_reliability(NAMED, P, NAMES, axes=axes[1])
    found = inspection.reliability_curve(NAMED, P, NAMES)
    assert axes[1].get_lines()[1].get_ydata().tolist() == found.accuracy.tolist()
    inspection.plot_precision_recall(NAMED, P, NAMES, axes=axes[2])
    assert len(axes[2].get_lines()) == 4
    figure.canvas.draw()


def test_word_weights():
    texts, y = reviews.draw(60, ("bad", "good", "mixed"))
    classifier = BagClassifier().fit(texts, y)
    weights = inspection.word_weights(classifier, 5)
    assert [name for name, _ in weights["good"]] == [name for name, _ in classifier.top_features(5)["good"]]
    for one, other in zip(weights["bad"], classifier.top_features(5)["bad"], strict=True):
        assert one.weight == pytest.approx(other.weight, rel=1e-4)
    axes = inspection.plot_word_weights(classifier.model, 5)
    assert [one.get_title() for one in axes] == ["bad", "good", "mixed"]
    widths = [bar.get_width() for bar in axes[1].patches]
    assert widths == pytest.approx([weight for _, weight in weights["good"]][::-1])
    axes[0].figure.canvas.draw()


MISUSE = {
    "unknown": (lambda: history(loss=[1.0]).plot("los"), ValueError, "must be of ['loss']. Received: 'los'"),
    "untrained": (lambda: history().plot(), ValueError, "holds no epoch yet"),
    "axes": (lambda: history(loss=[1.0]).plot(axes=[1, 2]), ValueError, "Received: 2"),
    "not built": (lambda: embedcnn.Sequential([layers.Dense(2)]).plot(), ValueError, "is not built yet"),
    "no bag": (
        lambda: inspection.word_weights(embedcnn.Sequential([embedcnn.Input((2,)), layers.Dense(1)])),
        ValueError,
        "must have one BagOfNgrams",
    ),
}


@pytest.mark.parametrize(("call", "kind", "message"), MISUSE.values(), ids=MISUSE)
def test_misuse_is_named(call, kind, message):
    with pytest.raises(kind) as error:
        call()
    assert message in str(error.value)


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'embedcnn\[plot\]'"):
        history(loss=[1.0]).plot()
