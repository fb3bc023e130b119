"""Explanations as people see them: words add up to the features, HTML is escaped, terminals
are left alone.
"""

import html.parser
import re

import pytest
from bags import reviews

from embedcnn.bags import BagClassifier, Explanation, Share

TEXTS, Y = reviews.draw(60)
HOSTILE = 'a <script>alert("1")</script> & <b onmouseover=x> \x1b]0;title\x07 \u202egood\u202c \ud800 film'


@pytest.mark.parametrize("settings", [{}, {"chars": (2, 4)}, {"buckets": 500}, {"words": (1, 3)}], ids=str)
def test_words_have_what_the_features_over_them_add(settings):
    classifier = BagClassifier(**settings).fit(TEXTS, Y)
    for text in [*TEXTS[:10], "A good<br />FILM, so good; Ünder-İstanbul", "", "never"]:
        found = classifier.explain(text)
        words = found.words
        assert [text[word.begin : word.end] for word in words] == [word.text for word in words]
        with_place = sum(one.share for one in found if one.places)
        assert sum(word.share for word in words) == pytest.approx(with_place, abs=1e-9)


def test_an_n_gram_is_spread_over_the_characters_of_its_words():
    shares = (
        Share("good film", "words 2", 1, 8.0, ((2, 12),)),
        Share("a", "words 1", 2, 1.0, ((0, 1), (13, 14))),
    )
    found = Explanation("a good, film a", "yes", 9.0, 0.0, shares, ())
    assert [(word.text, pytest.approx(word.share)) for word in found.words] == [
        ("a", 0.5), ("good", 8 * 4 / 9), (",", 8 / 9), ("film", 8 * 4 / 9), ("a", 0.5),
    ]  # fmt: skip


def test_it_is_one_line_where_it_is_not_printed():
    shares = [Share(f"w{number}\n", "words 1", 1, 1.0 - number / 8) for number in range(6)]
    found = Explanation("w0", "yes", 9.0, 0.5, tuple(shares[:2]), ())
    assert repr(found) == "<Explanation of 'yes': margin +9.0000, 'w0\\n' +1.0000, 'w1\\n' +0.8750>"
    assert repr(Explanation("", 1, -0.5, -0.5, (), ())) == "<Explanation of 1: margin -0.5000>"
    assert repr(Explanation("", "a", 0.0, 0.0, tuple(shares), ())).endswith("'w4\\n' +0.5000, ...>")


class Tags(html.parser.HTMLParser):
    """The tags of a page and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        assert {name for name, _ in attributes} <= {"style", "title", "class"}

    def handle_data(self, data):
        self.text += data


def test_html_holds_the_text_and_none_of_its_tags():
    classifier = BagClassifier(chars=(2, 3)).fit([*TEXTS, HOSTILE], [*Y, "<i>bad</i>"])
    found = classifier.explain(HOSTILE, "<i>bad</i>")
    page = Tags(found._repr_html_())
    assert set(page.tags) <= {"div", "p", "span", "b", "i", "small", "table", "tr", "td"}
    assert HOSTILE.replace("\ud800", "?").replace("\x1b", "\ufffd").replace("\x07", "\ufffd") in page.text
    assert "<i>bad</i>, margin" in page.text
    assert page.tags.count("i") < 4


def test_a_terminal_is_not_steered(capsys):
    found = BagClassifier().fit([*TEXTS, HOSTILE], [*Y, "\x1b[2Jbad"]).explain(HOSTILE, "\x1b[2Jbad")
    for color in (True, False):
        found.show(color)
        shown = capsys.readouterr().out
        left = re.sub(r"\x1b\[30;48;5;\d+m|\x1b\[0m", "", shown) if color else shown
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800]", left)
        assert "film" in left
        assert ("\x1b[30;48;5;" in shown) == color


def test_colors_are_for_terminals_that_want_them(capsys, monkeypatch):
    found = BagClassifier().fit(TEXTS, Y).explain(TEXTS[0])
    found.show()
    assert "\x1b" not in capsys.readouterr().out  # no terminal
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    found.show()
    assert "\x1b" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    found.show()
    assert "\x1b" not in capsys.readouterr().out
