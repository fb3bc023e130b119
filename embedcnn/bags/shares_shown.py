"""An explanation as lines of text, with colours for a terminal, and as HTML for notebooks and reports.

The text is whoever wrote it: in HTML everything is escaped, on a terminal characters that would steer it are
replaced.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ..base.escaping import escaped

if TYPE_CHECKING:
    from .shares import Explanation

SHOWN = 12
FOR, AGAINST = (31, 119, 180), (255, 127, 14)  # blue and orange, which the colour-blind tell apart
STRENGTHS = 4  # steps of colour on a terminal
TERMINAL = {True: (153, 111, 75, 27), False: (223, 216, 215, 208)}  # of 256 colours, weakest first


def as_lines(explanation: Explanation) -> list[str]:
    """Label and margin, then a line for each of the largest shares."""
    head = f"{explanation.label!r}: margin {explanation.margin:+.4f}, of this bias {explanation.bias:+.4f}"
    if explanation.rest:
        head += f", words together {explanation.rest:+.4f}"
    lines = [head]
    lines += [f"{one.share:+.4f}  {one.name} ({one.kind})" for one in explanation.shares[:SHOWN]]
    if len(explanation) > SHOWN:
        rest = sum(one.share for one in explanation.shares[SHOWN:])
        lines.append(f"{rest:+.4f}  {len(explanation) - SHOWN} others together")
    return lines


def as_terminal(explanation: Explanation, color: bool | None) -> str:
    """The text, coloured if so asked, over the lines."""
    colored = _wants_color() if color is None else color
    text = "".join(
        _painted(_harmless(piece), share > 0, strength) if colored and strength else _harmless(piece)
        for piece, share, strength in _pieces(explanation)
    )
    return "\n".join([text, *map(_harmless, as_lines(explanation))])


def as_html(explanation: Explanation) -> str:
    """A paragraph of the text and a table of the largest shares."""
    marked = "".join(
        f'<span style="background:{_background(share, part)}" title="{share:+.4f}">{escaped(piece)}</span>'
        if part
        else escaped(piece)
        for piece, share, part in _shaded(explanation)
    )
    largest = max((abs(one.share) for one in explanation.shares), default=0.0) or 1.0
    rows = [
        _row(f"{escaped(one.name)} <small>({escaped(one.kind)})</small>", one.share, largest)
        for one in explanation.shares[:SHOWN]
    ]
    if len(explanation) > SHOWN:
        others = sum(one.share for one in explanation.shares[SHOWN:])
        rows.append(_row(f"<i>{len(explanation) - SHOWN} others together</i>", others, largest))
    if explanation.rest:
        rows.append(_row("<i>words together</i>", explanation.rest, largest))
    rows.append(_row("<i>bias</i>", explanation.bias, largest))
    return (
        '<div class="embedcnn-explanation">'
        f"<p><b>{escaped(str(explanation.label))}</b>, margin {explanation.margin:+.4f}</p>"
        f'<p style="line-height:1.8;white-space:pre-wrap;overflow-wrap:anywhere">{marked}</p>'
        f"<table>{''.join(rows)}</table></div>"
    )


def _row(name: str, share: float, largest: float) -> str:
    width = min(100.0, 100 * abs(share) / largest)
    bar = f'<div style="height:0.8em;width:{width:.1f}%;background:{_background(share, 0.8)}"></div>'
    return (
        f'<tr><td style="text-align:right">{share:+.4f}</td>'
        f'<td style="text-align:left;overflow-wrap:anywhere">{name}</td><td style="width:8em">{bar}</td></tr>'
    )


def _shaded(explanation: Explanation) -> list[tuple[str, float, float]]:
    """(piece of the text, its share, how strong its colour is from 0 to 1)."""
    words = explanation.words
    largest = max((abs(word.share) for word in words), default=0.0) or 1.0
    pieces: list[tuple[str, float, float]] = []
    place = 0
    for word in words:
        pieces.append((explanation.text[place : word.begin], 0.0, 0.0))
        pieces.append((word.text, word.share, abs(word.share) / largest))
        place = word.end
    return [*pieces, (explanation.text[place:], 0.0, 0.0)]


def _pieces(explanation: Explanation) -> list[tuple[str, float, int]]:
    """The same with the strength as a step of colour: 0 none, STRENGTHS the strongest."""
    return [(piece, share, round(part * STRENGTHS)) for piece, share, part in _shaded(explanation)]


def _painted(piece: str, speaks_for: bool, strength: int) -> str:
    return f"\x1b[30;48;5;{TERMINAL[speaks_for][strength - 1]}m{piece}\x1b[0m"


def _background(share: float, strength: float) -> str:
    red, green, blue = FOR if share > 0 else AGAINST
    return f"rgba({red},{green},{blue},{0.75 * strength:.2f})"


def _harmless(text: str) -> str:
    """Without what would steer a terminal: controls but tabs and ends of lines, and marks of direction."""
    return "".join("\ufffd" if _steers(letter) else letter for letter in text)


def _steers(letter: str) -> bool:
    number = ord(letter)
    control = (number < 32 and letter not in "\t\n") or 127 <= number < 160
    return control or 0x202A <= number <= 0x202E or 0x2066 <= number <= 0x2069 or 0xD800 <= number < 0xE000


def _wants_color() -> bool:
    try:
        return sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    except (AttributeError, ValueError):  # no standard output, or a closed one
        return False
