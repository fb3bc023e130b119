"""Reports: their numbers, a page that holds hostile texts as text and asks nothing of the network, and how it
looks in a real browser where there is one.
"""

import html.parser
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from bags import reviews

import embedcnn
from embedcnn import inspection, layers
from embedcnn.bags import BagClassifier
from embedcnn.cli import main

HOSTILE = '</style><script>alert("1")</script><img src=x onerror=alert(1)> "quoted" & \'single\' \ud800 \x00'
LONG = "a-label-that-is-longer-than-any-place-for-it-in-the-page"
NAMES = ["bad", "good", "<script>mixed</script>", LONG]
DRAWN, OWN = reviews.draw(120, ("bad", "good", "mixed"))
Y = [LONG if n % 7 == 0 else "<script>mixed</script>" if y == "mixed" else y for n, y in enumerate(OWN)]
TEXTS = [f"{text} long" if y == LONG else text for text, y in zip(DRAWN, Y, strict=True)]
TEXTS = [*TEXTS[:-3], f"{TEXTS[-3]} {HOSTILE}", HOSTILE, "word" * 300]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
HEAD = {"html", "head", "meta", "title", "style", "body"}
TABLES = {"table", "tr", "th", "td", "figure", "figcaption", "svg", "path", "text", "circle"}
ALLOWED = {"div", "h1", "h2", "h3", "p", "b", "i", "span", "section", "small", "pre", "details", "summary"}
ALLOWED |= HEAD | TABLES


@pytest.fixture(scope="module")
def made():
    """A report with mistakes: the labels of a fourth of the texts are others than those learnt."""
    model = BagClassifier(chars=(2, 3)).fit(TEXTS, Y).model
    others = [Y[(number + 1) % len(Y)] if number % 4 == 0 else y for number, y in enumerate(Y)]
    return inspection.report(model, TEXTS, others, title=f"reviews {HOSTILE}"), model, others


def test_the_numbers(made):
    report, model, labels = made
    predicted = model.predict_labels(TEXTS)
    right = [a == b for a, b in zip(predicted, labels, strict=True)]
    assert report.accuracy == pytest.approx(np.mean(right))
    np.testing.assert_array_equal(report.counts, inspection.confusion_matrix(labels, predicted, model.labels))
    p = model.predict(TEXTS, verbose=0)
    own = p[np.arange(len(p)), [model.labels.index(label) for label in labels]]
    assert report.log_loss == pytest.approx(-np.log(own).mean(), rel=1e-5)
    assert report.balanced_accuracy == pytest.approx(
        np.mean([np.mean([r for r, y in zip(right, labels, strict=True) if y == name]) for name in NAMES])
    )
    sure = sorted((p[i].max() for i in range(len(p)) if not right[i]), reverse=True)[:10]
    assert [one.probability for one in report.mistakes] == pytest.approx(sure)
    assert all(one.true != one.predicted == one.explanation.label for one in report.mistakes)
    low, high = report.accuracy_interval
    assert 0 < low < report.accuracy <= high <= 1
    assert (
        str(report)
        .splitlines()[1]
        .startswith(f"accuracy {report.accuracy:.4f} ({low:.4f} to {high:.4f} with 95 %)")
    )


def test_deciding_words_are_summed_shares(made):
    report, model, _ = made
    sums = {}
    for text in TEXTS:
        found = model.explain(text)
        for word in found.words:
            if found.label == "good":
                sums[word.text.lower()] = sums.get(word.text.lower(), 0) + word.share
    wanted = sorted((total for total in sums.values() if total > 0), reverse=True)[:10]
    assert [total for _, total, _ in report.words["good"]] == pytest.approx(wanted)
    assert report.explained == len(TEXTS)


class Page(html.parser.HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.texts, self.open = set(), [], [], []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes += attributes
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes += attributes

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.texts.append(data)


def test_the_page_holds_texts_as_text_and_needs_nothing(made):
    report, _, _ = made
    text = report.html()
    page = Page(text)
    assert page.tags <= ALLOWED
    names = {name for name, _ in page.attributes}
    assert not any(name.startswith("on") or name in ("src", "href", "srcset", "action") for name in names)
    assert not re.search(r"https?:|url\(|@import|//[a-z]", text.replace(html.escape(HOSTILE), ""))
    assert ("http-equiv", "Content-Security-Policy") in page.attributes
    shown = "".join(page.texts)
    assert '<script>alert("1")</script><img src=x onerror=alert(1)> "quoted" & \'single\' ? \ufffd' in shown
    assert "<script>mixed</script>" in shown
    for data in report.html(), report._repr_html_():
        assert "<script" not in data and "<img" not in data
    text.encode("utf-8")
    assert report.html() == text


def test_of_a_network_with_a_history():
    encoder = embedcnn.text.TextEncoder()
    encoder.adapt(TEXTS[:50])
    ids = embedcnn.Input((None,), dtype="int32")
    x = layers.GlobalMaxPooling1D()(
        layers.Conv1D(4, 2, padding="same")(layers.Embedding(len(encoder.vocabulary), 4)(ids))
    )
    model = embedcnn.Model(ids, layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.text_encoder, model.labels = encoder, ["no", "yes"]
    y = np.array([int("good" in text) for text in TEXTS[:50]])
    model.fit(TEXTS[:50], y, epochs=2, validation_split=0.2, verbose=0)
    report = inspection.report(model, TEXTS[:50], [model.labels[one] for one in y], explained=5, mistakes=2)
    assert report.explained == 5 and len(report.mistakes) <= 2
    page = report.html()
    assert "loss of the training, dashed: validation" in page and "average precision" in page
    Page(page)


def test_many_labels_are_a_list_of_confusions():
    texts = [f"word{number} again" for number in range(30)] * 2
    labels = [f"label {number}" for number in range(30)] * 2
    model = BagClassifier().fit(texts, labels).model
    moved = labels[1:] + labels[:1]
    page = inspection.report(model, texts, moved, explained=0, mistakes=0).html()
    assert "<th class='name'>predicted</th>" in page and "class='matrix'" not in page
    Page(page)


def test_long_texts_are_explained_as_far_as_time_allows(monkeypatch):
    monkeypatch.setattr("embedcnn.inspection.reporting.MOST_READ", 100)
    model = BagClassifier().fit(TEXTS, Y).model
    report = inspection.report(model, ["good film it is bad so"] * 9, ["good"] * 9)
    assert report.explained == 2


def network(units=2, **options):
    model = embedcnn.Sequential([embedcnn.Input((3,)), layers.Dense(units, activation="sigmoid")])
    model.labels = options.get("labels")
    return model


MISUSE = {
    "labels": (lambda: inspection.report(network(), ["a"], ["x"]), "must have labels"),
    "several": (
        lambda: inspection.report(network(labels=["x", "y"]), ["a"], ["x"]),
        "which may give several",
    ),
    "unknown": (
        lambda: inspection.report(BagClassifier().fit(TEXTS, Y), ["a"], ["x"]),
        "must hold labels of ['<script>",
    ),
    "fewer": (lambda: inspection.report(BagClassifier().fit(TEXTS, Y), ["a"], []), "0 labels, 1 texts"),
}


@pytest.mark.parametrize(("call", "message"), MISUSE.values(), ids=MISUSE)
def test_misuse_is_named(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert message in str(error.value)


def test_the_command(tmp_path, capsys):
    BagClassifier().fit(TEXTS, Y).model.save(tmp_path / "m")
    rows = [json.dumps({"text": text, "label": y}) for text, y in zip(TEXTS[:40], Y, strict=False)]
    (tmp_path / "d.jsonl").write_text("\n".join(rows))
    page = tmp_path / "r.html"
    given = ["report", str(tmp_path / "m"), str(tmp_path / "d.jsonl"), "--html", str(page)]
    assert main([*given, "--mistakes", "1", "--explained", "3"]) == 0
    assert "<title>m on d.jsonl</title>" in page.read_text()
    assert capsys.readouterr().out.splitlines()[0] == "m on d.jsonl: 40 texts, 4 labels"
    assert main([*given[:-1], str(tmp_path)]) == 1
    assert "--html: " in capsys.readouterr().err


MEASURE = """
const inside = document.documentElement.clientWidth, found = {width: inside, out: [], over: []};
const box = one => one.getBoundingClientRect();
const scrolls = one => one && (getComputedStyle(one).overflowX === "auto" || scrolls(one.parentElement));
for (const one of document.querySelectorAll("body *"))
  if (box(one).right > inside + 1 && !scrolls(one)) found.out.push(one.tagName + " " + one.className);
const apart = (name, parts) => parts.forEach((a, i) => parts.slice(0, i).forEach(b => {
  const [p, q] = [box(a), box(b)];
  if (Math.min(p.right, q.right) - Math.max(p.left, q.left) > 1 &&
      Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 1) found.over.push(name);
}));
apart("figures", [...document.querySelectorAll("figure, h2, .numbers > div, section")]);
document.querySelectorAll("svg").forEach(one => apart("texts of a chart", [...one.querySelectorAll("text")]));
found.page = document.documentElement.scrollWidth;
found.small = [...document.querySelectorAll("svg text")].filter(one => box(one).height < 9).length;
parent.postMessage(JSON.stringify(found), "*");
"""


FRAME = """<!DOCTYPE html><body><iframe src="report.html" width="{width}" height="2000" style="border:0">
</iframe><script>onmessage = event => document.body.setAttribute("data-found", event.data)</script></body>"""


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_browser_nothing_overlaps_or_sticks_out(made, tmp_path, width):
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)}")
    page = made[0].html()
    (tmp_path / "report.html").write_text(
        re.sub("<meta http-equiv[^>]*>", "", page).replace("</body>", f"<script>{MEASURE}</script></body>")
    )
    (tmp_path / "frame.html").write_text(FRAME.format(width=width))  # windows are never as narrow as a phone
    command = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,2100"]
    command += [f"--user-data-dir={tmp_path / 'browser'}", "--virtual-time-budget=3000", "--dump-dom"]
    command.append(f"file://{tmp_path / 'frame.html'}")
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120)
    stated = re.search('data-found="([^"]*)"', shown.stdout)
    assert stated, shown.stderr[-2000:]
    found = json.loads(html.unescape(stated[1]))
    assert found["page"] <= found["width"] <= width and found["width"] > width - 20  # a scroll bar
    assert (found["out"], found["over"], found["small"]) == ([], [], 0)
