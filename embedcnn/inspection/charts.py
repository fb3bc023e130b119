"""Charts of reports as SVG: lines over two axes. Text and lines take the colours of the page around them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..base.escaping import escaped

WIDTH, HEIGHT = 360, 260
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 40
COLORS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b")


@dataclass(frozen=True)
class Line:
    """Points joined by a line; `weights`: the area of a disc at each point, from 0 to 1."""

    x: Sequence[float]
    y: Sequence[float]
    color: int = 0
    is_dashed: bool = False
    weights: Sequence[float] | None = None


def line_chart(
    lines: Sequence[Line],
    x_label: str,
    y_label: str,
    limits: tuple[tuple[float, float], tuple[float, float]] | None = None,
    has_diagonal: bool = False,
) -> str:
    """An <svg> of lines; `limits` of both axes, None: those of the points."""
    across, up = limits or (
        _limits([x for one in lines for x in one.x]),
        _limits([y for one in lines for y in one.y]),
    )

    def place(x: float, y: float) -> tuple[float, float]:
        right = (x - across[0]) / (across[1] - across[0]) * (WIDTH - LEFT - RIGHT)
        above = (y - up[0]) / (up[1] - up[0]) * (HEIGHT - TOP - BOTTOM)
        return round(LEFT + right, 1), round(HEIGHT - BOTTOM - above, 1)

    parts = []
    for tick in ticks(*up):
        x, y = place(across[0], tick)
        parts.append(f'<path class="grid" d="M{x} {y}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{x - 5}" y="{y + 4}" text-anchor="end">{tick:g}</text>')
    for tick in ticks(*across):
        x, y = place(tick, up[0])
        parts.append(f'<path class="grid" d="M{x} {y}V{TOP}"/>')
        parts.append(f'<text x="{x}" y="{y + 15}" text-anchor="middle">{tick:g}</text>')
    if has_diagonal:
        start, end = place(across[0], up[0]), place(across[1], up[1])
        parts.append(f'<path class="diagonal" d="M{start[0]} {start[1]}L{end[0]} {end[1]}"/>')
    for line in lines:
        points = [place(*pair) for pair in zip(line.x, line.y, strict=True)]
        color = COLORS[line.color % len(COLORS)]
        dashes = ' stroke-dasharray="5 4"' if line.is_dashed else ""
        joined = "L".join(f"{x} {y}" for x, y in points)
        parts.append(f'<path fill="none" stroke="{color}" stroke-width="2"{dashes} d="M{joined}"/>')
        for (x, y), weight in zip(points, line.weights or (), strict=False):
            size = f"{2.5 + 9 * math.sqrt(weight):.1f}"
            parts.append(f'<circle cx="{x}" cy="{y}" r="{size}" fill="{color}" fill-opacity="0.6"/>')
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{escaped(x_label)}</text>')
    turned = f"translate(11 {TOP + (HEIGHT - TOP - BOTTOM) / 2}) rotate(-90)"
    parts.append(f'<text transform="{turned}" text-anchor="middle">{escaped(y_label)}</text>')
    said = f"{escaped(y_label)} by {escaped(x_label)}"
    drawn = "".join(parts)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{said}">{drawn}</svg>'


def ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers between two.

    >>> ticks(0, 1), ticks(1, 12)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [2.5, 5.0, 7.5, 10.0])
    """
    size = 10 ** math.floor(math.log10((high - low) / 2))
    step = next(size * part for part in (0.5, 1, 2, 2.5, 5, 10, 20) if (high - low) / (size * part) <= 5)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def _limits(values: Sequence[float]) -> tuple[float, float]:
    """The least and the largest finite value, with room between them."""
    known = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(known), max(known)
    room = (high - low) * 0.04 or max(0.5, abs(high) * 0.1)
    return low - room, high + room
