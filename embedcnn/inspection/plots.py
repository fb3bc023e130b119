"""Plots of trainings, models and decisions, with matplotlib (extra `plot`): each draws into `axes`, or a new
figure, and returns the axes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base.arguments import positive_integer
from ..base.checked import checked
from ..base.columns import several
from .curves import (
    _checked,
    confusion_matrix,
    known_labels,
    labels_in,
    precision_recall_curve,
    reliability_curve,
)
from .ngram_weights import word_weights

MOST_LABELS = 40  # whose names fit beside a matrix
MOST_CURVES = 10
LONGEST = 30  # characters of a name


def plot_history(history: Any, names: Any = None, axes: Any = None) -> Any:
    """Losses and metrics by epoch; those of validation dashed, in the same colour. Returns one Axes for each
    of `names` (None: all), an array.

    `history`: a History, or its dict. `axes`: as many Axes. Raises ValueError for unknown names and where no
    epoch has been trained; ImportError without matplotlib.

    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> axes = plot_history({"loss": [1.0, 0.5], "val_loss": [1.1, 0.9], "accuracy": [0.5, 0.8]})
    >>> [one.get_title() for one in axes]
    ['loss', 'accuracy']
    """
    values = getattr(history, "history", history)
    if not isinstance(values, dict):
        raise TypeError(f"`history` must be a History, or its dict. Received: history={history!r}")
    known = [name for name in values if not name.startswith("val_")]
    known += [name for name in values if name.startswith("val_") and name[4:] not in known]
    wanted = known if names is None else several("names", [names] if isinstance(names, str) else names)
    for name in wanted:
        if name not in known:
            raise ValueError(f"`names` must be of {known}. Received: {name!r}")
    if not wanted or not any(len(values[name]) for name in wanted):
        raise ValueError("`history` holds no epoch yet: train first")
    if axes is None:
        _, axes = _pyplot().subplots(
            1, len(wanted), figsize=(4.2 * len(wanted), 3), squeeze=False, layout="constrained"
        )
    axes = np.atleast_1d(np.asarray(axes, object)).ravel()
    if len(axes) != len(wanted):
        raise ValueError(f"`axes` must be {len(wanted)} Axes, one each of {wanted}. Received: {len(axes)}")
    for one in axes:
        _check_axes(one)
    for name, own in zip(wanted, axes, strict=True):
        for key, style in ((name, "-"), (f"val_{name}", "--")):
            if len(values.get(key, ())):
                shown = [float(np.mean(value)) for value in values[key]]
                marker = "o" if len(shown) == 1 else None
                own.plot(range(1, len(shown) + 1), shown, style, color="C0", marker=marker, label=_text(key))
        own.set(title=_text(name), xlabel="epoch")
        own.xaxis.get_major_locator().set_params(integer=True)
        own.legend()
    return axes


def plot_confusion_matrix(y_true: Any, y_pred: Any, labels: Any = None, axes: Any = None) -> Any:
    """True labels (rows) against predicted ones: counts, coloured by the share of the row. As
    sklearn.metrics.ConfusionMatrixDisplay.

    Raises as `confusion_matrix`; ImportError without matplotlib.
    """
    names = known_labels(y_true=y_true, y_pred=y_pred) if labels is None else labels_in("labels", labels)
    counts = confusion_matrix(y_true, y_pred, names)
    axes = _axes(axes, (1.5 + 0.45 * min(len(names), MOST_LABELS),) * 2)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(names) <= MOST_LABELS:
        shown = [_text(name) for name in names]
        axes.set_xticks(range(len(names)), shown, rotation=90)
        axes.set_yticks(range(len(names)), shown)
        for row, column in np.ndindex(counts.shape):
            if counts[row, column]:
                color = "white" if shares[row, column] > 0.5 else "black"
                axes.text(column, row, int(counts[row, column]), ha="center", va="center", color=color)
    axes.set(xlabel="predicted", ylabel="true")
    return axes


def plot_reliability(
    y_true: Any, probabilities: Any, labels: Any = None, bins: int = 10, axes: Any = None
) -> Any:
    """Accuracy against how sure the classifier was; below the diagonal it is too sure.

    The larger a point, the more texts. Raises as `reliability_curve`; ImportError without matplotlib.
    """
    found = reliability_curve(y_true, probabilities, labels, bins)
    axes = _axes(axes, (4, 4))
    axes.plot([0, 1], [0, 1], ":", color="gray")
    axes.plot(found.confidence, found.accuracy, "-", color="C0")
    axes.scatter(found.confidence, found.accuracy, 200 * found.texts / found.texts.sum() + 10, color="C0")
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="probability of the predicted label", ylabel="accuracy")
    axes.set_title(f"mean distance from the diagonal {found.error:.3f}")
    return axes


def plot_precision_recall(y_true: Any, probabilities: Any, labels: Any = None, axes: Any = None) -> Any:
    """Precision against recall of each label (of two: the second), with the area below; of many labels the
    most frequent ones.

    `probabilities` as for `reliability_curve`. Raises as that; ImportError without matplotlib.
    """
    p, truth, names = _checked(y_true, probabilities, labels)
    axes = _axes(axes, (5, 4))
    counts = np.bincount(truth, minlength=len(names))
    chosen = [1] if len(names) == 2 else np.argsort(-counts, kind="stable")[:MOST_CURVES].tolist()
    for number in chosen:
        if counts[number]:
            found = precision_recall_curve(truth == number, p[:, number])
            name = f"{_text(names[number])} ({found.average_precision:.2f})"
            axes.step([0, *found.recall], [found.precision[0], *found.precision], where="pre", label=name)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    axes.legend(title="average precision", fontsize="small")
    return axes


def plot_word_weights(model: Any, n: int = 10, axes: Any = None) -> Any:
    """The `n` n-grams that speak most for each label, as bars; returns one Axes for each label, an array.

    Raises as `word_weights`; ImportError without matplotlib.
    """
    found = word_weights(model, positive_integer("n", n))
    if axes is None:
        columns = min(3, len(found))
        rows = -(-len(found) // columns)
        size = (3.6 * columns, (0.6 + 0.24 * n) * rows)
        _, axes = _pyplot().subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    axes = np.atleast_1d(np.asarray(axes, object)).ravel()
    if len(axes) < len(found):
        raise ValueError(f"`axes` must be {len(found)} Axes, one a label. Received: {len(axes)}")
    for one in axes:
        _check_axes(one)
    for label, own in zip(found, axes, strict=False):
        listed = found[label][::-1]
        own.barh(range(len(listed)), [weight for _, weight in listed], color="C0")
        own.set_yticks(range(len(listed)), [_text(name) for name, _ in listed])
        own.set_title(_text(label))
    for own in axes[len(found) :]:
        own.set_visible(False)
    return axes[: len(found)]


def plot_model(model: Any, axes: Any = None) -> Any:
    """The layers of a model from top to bottom, with shapes and numbers of weights, and lines where data
    flows. As keras.utils.plot_model.

    Raises ValueError before the model is built; ImportError without matplotlib.
    """
    if not hasattr(model, "call_units"):
        raise TypeError(f"`model` must be a Model. Received: model={model!r}")
    model._require_built("its graph")
    units = model.call_units
    maker = {id(tensor): number for number, unit in enumerate(units) for tensor in unit.outputs}
    before = [sorted({maker[id(tensor)] for tensor in unit.inputs}) for unit in units]
    level: list[int] = []
    for numbers in before:
        level.append(1 + max((level[number] for number in numbers), default=-1))
    across = [level[:number].count(level[number]) for number in range(len(units))]
    widest = max(level.count(one) for one in level)
    axes = _axes(axes, (max(4.0, 3.2 * widest), 0.9 * (max(level) + 1)))
    x = [place - (level.count(own) - 1) / 2 for place, own in zip(across, level, strict=True)]
    box = {"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": "gray"}
    for number, unit in enumerate(units):
        for other in before[number]:
            axes.annotate(
                "",
                (x[number], -level[number] + 0.25),
                (x[other], -level[other] - 0.25),
                arrowprops={"arrowstyle": "->", "color": "gray"},
            )
        layer = unit.layer
        weights = sum(variable.size for variable in layer.weights)
        kind = getattr(layer, "class_shown", type(layer).__name__)
        shape = ", ".join(str(tensor.shape) for tensor in unit.outputs)
        shown = f"{_text(layer.name)} ({kind})\n{shape}{f'  {weights:,} weights' if weights else ''}"
        axes.text(x[number], -level[number], shown, ha="center", va="center", fontsize=8, bbox=box)
    axes.set(
        xlim=(-widest / 2 - 0.1, widest / 2 + 0.1), ylim=(-max(level) - 0.5, 0.5), title=_text(model.name)
    )
    axes.axis("off")
    return axes


@checked
def draw_model(
    model: Any, to_file: Any = "model.png", show_shapes: bool = False, dpi: int = 200, **options: Any
) -> None:
    """Draws a model, as `plot_model` does, into a file whose suffix says the format (.png, .svg, .pdf). As
    keras.utils.plot_model.

    Shapes, names and numbers of weights are always there, from top to bottom: `show_shapes`, `show_dtype`,
    `show_layer_names`, `rankdir="TB"` and Keras's other options are accepted where they ask for no more.
    Raises ValueError for the others, ImportError without matplotlib.

    >>> import embedcnn, matplotlib, pathlib, tempfile
    >>> matplotlib.use("agg")
    >>> model = embedcnn.Sequential([embedcnn.Input((3,)), embedcnn.layers.Dense(2)])
    >>> path = pathlib.Path(tempfile.mkdtemp(), "model.png")
    >>> draw_model(model, path, show_shapes=True)
    >>> path.read_bytes()[1:4]
    b'PNG'
    """
    more = {"show_layer_activations", "expand_nested", "show_trainable"}
    always = {"show_dtype", "show_layer_names", "splines"}
    for name, value in options.items():
        if name not in {*more, *always, "rankdir"}:
            raise TypeError(f"draw_model() has no argument {name!r}")
        if (name in more and value) or (name == "rankdir" and value != "TB"):
            allowed = "TB" if name == "rankdir" else False
            raise ValueError(f"`{name}` of a plot must be {allowed!r}. Received: {name}={value!r}")
    axes = plot_model(model)
    axes.figure.savefig(to_file, dpi=positive_integer("dpi", dpi))
    _pyplot().close(axes.figure)


def _text(name: Any) -> str:
    """A name of the user's in a plot: cut where it is long, dollars as they are, not as mathematics."""
    text = str(name).encode("utf-8", "replace").decode("utf-8")
    text = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return text.replace("$", r"\$")


def _pyplot() -> Any:
    """matplotlib.pyplot; ImportError that names the extra where it is not installed."""
    try:
        from matplotlib import pyplot  # lazy: an extra
    except ImportError as error:
        raise ImportError("plots need the package matplotlib: pip install 'embedcnn[plot]'") from error
    return pyplot


def _axes(axes: Any, size: tuple[float, float]) -> Any:
    if axes is None:
        return _pyplot().subplots(figsize=size, layout="constrained")[1]
    return _check_axes(axes)


def _check_axes(axes: Any) -> Any:
    """TypeError for what nothing can be drawn into."""
    if not (hasattr(axes, "plot") and hasattr(axes, "set_title")):
        raise TypeError(f"`axes` must be Axes of matplotlib. Received: axes={axes!r}")
    return axes
