"""A report as one page of HTML: readable on a phone and a desk, light and dark, without scripts and network.

Every text of the user's goes through `escaped`; the page's own policy forbids scripts and requests besides.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base.escaping import escaped
from .charts import COLORS, Line, line_chart
from .curves import scores_by_label

if TYPE_CHECKING:
    from .reporting import Mistake, Report

LARGEST_MATRIX = 25  # labels
MOST_POINTS = 300  # of a curve
MOST_CONFUSIONS = 15

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@lru_cache(maxsize=1)
def style() -> str:
    """The rules of report.css."""
    return resources.files(__package__).joinpath("report.css").read_text(encoding="utf-8")


def page_of(report: Report) -> str:
    """The whole page."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{escaped(report.title)}</title>"
        "<style>body{margin:0}@media (prefers-color-scheme:dark){body{background:#0d1117}}</style></head>"
        f"<body>{content_of(report)}</body></html>\n"
    )


def content_of(report: Report) -> str:
    """What stands in the page, with its style."""
    parts = [
        f"<style>{style()}</style>",
        f"<h1>{escaped(report.title)}</h1>",
        f"<p class='note'>{report.texts} texts, {len(report.labels)} labels</p>",
        _numbers(report),
        "<h2>Labels</h2>",
        _label_table(report),
        "<h2>Confusions</h2>",
        _confusions(report),
        "<h2>Curves</h2>",
        _charts(report),
        *_words(report),
        *_mistakes(report),
        "<h2>Model</h2>",
        f"<details><summary>Layers</summary><pre>{escaped(chr(10).join(report.summary))}</pre></details>",
    ]
    return f'<div class="embedcnn-report">{"".join(parts)}</div>'


def _numbers(report: Report) -> str:
    largest = report.counts.sum(axis=1).max() / max(1, report.texts)
    low, high = report.accuracy_interval
    shown = [
        (
            f"{report.accuracy:.1%}",
            f"accuracy, {low:.1%} to {high:.1%} with 95 %; always the most frequent label: {largest:.1%}",
        ),
        (f"{report.balanced_accuracy:.1%}", "mean recall of the labels"),
        (f"{report.macro_f1:.3f}", "mean F1 of the labels"),
        (f"{report.log_loss:.3f}", "log loss"),
        (f"{report.reliability.error:.3f}", "calibration error"),
    ]
    return f"<div class='numbers'>{''.join(f'<div><b>{a}</b><span>{b}</span></div>' for a, b in shown)}</div>"


def _label_table(report: Report) -> str:
    rows = "".join(
        f"<tr><td class='name'>{escaped(name)}</td><td>{precision:.3f}</td><td>{recall:.3f}</td>"
        f"<td>{f1:.3f}</td><td>{texts}</td></tr>"
        for name, precision, recall, f1, texts in zip(
            report.labels, *scores_by_label(report.counts), report.counts.sum(axis=1).tolist(), strict=True
        )
    )
    head = "<th class='name'>label</th><th>precision</th><th>recall</th><th>F1</th><th>texts</th>"
    return f"<div class='wide'><table><tr>{head}</tr>{rows}</table></div>"


def _confusions(report: Report) -> str:
    counts, names = report.counts, report.labels
    if len(names) > LARGEST_MATRIX:
        return _confusion_list(report)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    rows = [f"<tr><th></th>{''.join(f'<th class=top>{escaped(name)}</th>' for name in names)}</tr>"]
    for name, row, part in zip(names, counts.tolist(), shares.tolist(), strict=True):
        cells = "".join(
            f"<td style='background:rgba(31,119,180,{0.7 * share:.2f})'>{count or ''}</td>"
            for count, share in zip(row, part, strict=True)
        )
        rows.append(f"<tr><th class='name'>{escaped(name)}</th>{cells}</tr>")
    note = "<p class='note'>rows: true labels, columns: predicted ones; colour: the share of the row</p>"
    return f"{note}<div class='wide'><table class='matrix'>{''.join(rows)}</table></div>"


def _confusion_list(report: Report) -> str:
    counts = report.counts.copy()
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:MOST_CONFUSIONS]
    rows = "".join(
        f"<tr><td class='name'>{escaped(report.labels[i])}</td>"
        f"<td class='name'>{escaped(report.labels[j])}</td><td>{counts[i, j]}</td></tr>"
        for i, j in (divmod(int(place), len(counts)) for place in order)
        if counts[i, j]
    )
    head = "<th class='name'>true</th><th class='name'>predicted</th><th>texts</th>"
    return f"<div class='wide'><table><tr>{head}</tr>{rows}</table></div>"


def _charts(report: Report) -> str:
    found = report.reliability
    unit = ((0.0, 1.0), (0.0, 1.0))
    weights = (found.texts / found.texts.max()).tolist()
    sure = Line(found.confidence.tolist(), found.accuracy.tolist(), weights=weights)
    figures = [
        _figure(
            "How often it is right, by how sure it is: below the diagonal it is too sure; a larger disc is "
            "more texts",
            line_chart([sure], "probability of the predicted label", "accuracy", unit, has_diagonal=True),
        )
    ]
    lines, legend = [], []
    for number, (name, curve) in enumerate(report.curves.items()):
        lines.append(_curve(curve, number))
        legend.append((number, f"{name}, average precision {curve.average_precision:.3f}"))
    figures.append(_figure("Precision and recall", line_chart(lines, "recall", "precision", unit), legend))
    figures += _of_training(report.history)
    return f"<div class='charts'>{''.join(figures)}</div>"


def _of_training(history: dict[str, list[float]]) -> list[str]:
    """A figure for each loss and metric of the training."""
    figures = []
    for name in (name for name in history if not name.startswith("val_")):
        keys = [key for key in (name, f"val_{name}") if len(history.get(key, ()))]
        if keys and all(np.ndim(history[key]) == 1 for key in keys):
            lines = [
                Line(range(1, len(history[key]) + 1), list(map(float, history[key])), 0, key != name)
                for key in keys
            ]
            caption = f"{name} of the training" + (", dashed: validation" if len(keys) > 1 else "")
            figures.append(_figure(caption, line_chart(lines, "epoch", name)))
    return figures


def _curve(curve: Any, color: int) -> Line:
    """At most MOST_POINTS points of a curve, from recall 0 on."""
    recall = np.concatenate([[0.0], curve.recall])
    precision = np.concatenate([curve.precision[:1], curve.precision])
    kept = np.unique(np.linspace(0, len(recall) - 1, MOST_POINTS).astype(int))
    return Line(recall[kept].tolist(), precision[kept].tolist(), color)


def _figure(caption: str, chart: str, legend: list[tuple[int, str]] | None = None) -> str:
    listed = "".join(
        f"<span><i style='background:{COLORS[number % len(COLORS)]}'></i>{escaped(text)}</span>"
        for number, text in legend or ()
    )
    listed = f"<div class='legend'>{listed}</div>" if listed else ""
    return f"<figure><figcaption>{escaped(caption)}</figcaption>{chart}{listed}</figure>"


def _words(report: Report) -> list[str]:
    if not any(report.words.values()):
        return []
    blocks = []
    for label, words in report.words.items():
        if words:
            largest = words[0][1]
            bars = "".join(
                f"<div class='bar'><span title='{escaped(word)}: {total:+.2f} in all, {count} times'>"
                f"{escaped(word)}</span><div style='width:{100 * total / largest:.1f}%'></div></div>"
                for word, total, count in words
            )
            blocks.append(f"<section><h3>{escaped(label)}</h3>{bars}</section>")
    return [
        "<h2>Words that decide</h2>",
        "<p class='note'>what words add to the margin of the predicted label, summed over "
        f"{report.explained} texts</p>",
        f"<div class='words'>{''.join(blocks)}</div>",
    ]


def _mistakes(report: Report) -> list[str]:
    if not report.mistakes:
        return []
    note = "<p class='note'>blue speaks for the predicted label, orange against it</p>"
    shown = [_mistake(number, one) for number, one in enumerate(report.mistakes)]
    return ["<h2>Surest mistakes</h2>", note, *shown]


def _mistake(number: int, one: Mistake) -> str:
    is_open = " open" if number < 3 else ""
    return (
        f"<details{is_open}><summary><b>{escaped(one.true)}</b> taken for <b>{escaped(one.predicted)}</b>, "
        f"{one.probability:.0%} sure</summary>{one.explanation._repr_html_()}</details>"
    )
