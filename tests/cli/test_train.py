"""``embedcnn train``: formats, options, errors, vectors, determinism, Ctrl-C."""

import signal
import subprocess
import sys

import numpy as np
import pytest
from cli_data import PAIRS, SMALL, all_layers, write_data

from embedcnn import show_config
from embedcnn.classifier import recipe as classifier
from embedcnn.cli import main
from embedcnn.models import load_model


def test_four_texts_of_a_label_are_enough(tmp_path, capsys):
    data = tmp_path / "data.csv"
    data.write_text("text,label\n" + "it purrs,cat\nit barks,dog\n" * 4)
    assert main(["train", str(data), "--out", str(tmp_path / "m"), "--quiet", *SMALL]) == 0
    assert "on the 2 texts held out" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "ft", "folder"])
def test_formats(kind, tmp_path, capsys):
    out = tmp_path / "m"
    assert main(["train", str(write_data(tmp_path, kind)), "--out", str(out), *SMALL]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"embedcnn {show_config()['version']}, {show_config()['instruction_set']}, ")
    assert "accuracy 100.0% on the 4 texts held out" in printed
    model = load_model(out)
    assert model.labels == ["cat", "dog"]
    assert model.predict_labels(["whiskers", "it barks"]) == ["cat", "dog"]


def test_report_and_predictions(pets, tmp_path, capsys):
    assert main(["train", str(pets), "--out", str(tmp_path / "m"), "--report", *SMALL]) == 0
    captured = capsys.readouterr()
    assert "confusion matrix" in captured.out and "precision" in captured.out
    assert "true label" in captured.out and "embedcnn predict" in captured.out
    assert "(x: wrong): predicted" in captured.out
    assert "CNN, epoch 1/" in captured.err and "val_accuracy: " in captured.err  # the progress


def test_same_seed_same_file(pets, tmp_path):
    for name, threads, seed in (("a", "1", "3"), ("b", "2", "3"), ("c", "1", "4")):
        arguments = ["train", str(pets), "--out", str(tmp_path / name), "--quiet", "--threads", threads]
        assert main([*arguments, "--seed", seed, *SMALL]) == 0
    files = {name: (tmp_path / name).read_bytes() for name in "abc"}
    assert files["a"] == files["b"] != files["c"]


def test_average_model_and_max_words(pets, tmp_path):
    out = tmp_path / "m"
    options = ["--model", "avg", "--max-words", "5", "--dimensions", "8", "--epochs", "2", "--quiet"]
    assert main(["train", str(pets), "--out", str(out), *options]) == 0
    model = load_model(out)
    assert len(model.text_encoder.vocabulary) == 7
    assert any(type(layer).__name__ == "GlobalAveragePooling1D" for layer in model.layers)


def test_a_mean_learns_at_its_own_rate(pets, tmp_path, monkeypatch):
    """0.001, unless --learning-rate says another."""
    asked, train = [], classifier.train_classifier

    def record(rest, held, settings, *others):
        asked.append(settings.learning_rate)
        return train(rest, held, settings, *others)

    monkeypatch.setattr(classifier, "train_classifier", record)
    avg, cnn = ["--model", "avg"], ["--model", "cnn", "--no-blend"]
    for options in (avg, [*avg, "--learning-rate", "0.02"], cnn):
        out = str(tmp_path / f"{len(asked)}.embedcnn")
        assert main(["train", str(pets), "--epochs", "1", "--quiet", "--out", out, *options]) == 0
    assert asked == [1e-3, 0.02, 5e-4]


def test_a_cnn_over_a_gru(pets, tmp_path):
    out = tmp_path / "m"
    assert main(["train", str(pets), "--out", str(out), "--quiet", "--recurrent-units", "3", *SMALL]) == 0
    layer = load_model(out).get_layer("both_directions")
    assert layer.forward_layer.units == 3 and type(layer.forward_layer).__name__ == "GRU"


def test_valid_decides_and_is_measured(pets, tmp_path, capsys):
    assert main(["train", str(pets), "--valid", str(pets), "--out", str(tmp_path / "m"), *SMALL]) == 0
    assert f"on the {len(PAIRS)} texts of --valid" in capsys.readouterr().out


def write_vectors(path):
    rows = {
        "purrs": [1, 0, 0],
        "meows": [1, 0, 0],
        "barks": [0, 1, 0],
        "growls": [0, 1, 0],
        "Capital": [9, 9, 9],
    }
    path.write_text("".join(f"{word} {' '.join(map(str, row))}\n" for word, row in rows.items()))
    return rows


def test_frozen_vectors_know_words_that_training_never_saw(tmp_path, capsys):
    rows = write_vectors(tmp_path / "vectors.txt")
    data = tmp_path / "pets.csv"
    data.write_text("text,label\n" + "it purrs,cat\nit barks,dog\n" * 12)
    arguments = [
        "train",
        str(data),
        "--valid",
        str(data),
        "--vectors",
        str(tmp_path / "vectors.txt"),
        "--freeze",
    ]
    options = ["--out", str(tmp_path / "m"), "--filters", "8", "--learning-rate", "0.05", "--batch-size", "4"]
    assert main([*arguments, *options]) == 0
    assert "2 of 3 training words (66.7%) have a vector of 3 numbers" in capsys.readouterr().out
    model = load_model(tmp_path / "m")
    assert model.predict_labels(["it meows", "it growls"]) == ["cat", "dog"]
    vocabulary = model.text_encoder.vocabulary
    table = model.get_layer("words").get_weights()[0]
    assert not model.get_layer("words").trainable
    for word in ("purrs", "meows", "barks", "growls"):
        np.testing.assert_array_equal(table[vocabulary[word]], np.float32(rows[word]))
    assert "Capital" not in vocabulary  # texts are lower-cased, so it could never be looked up


def test_trainable_vectors_move_and_add_no_words(pets, tmp_path):
    write_vectors(tmp_path / "vectors.txt")
    out = tmp_path / "m"
    options = ["--model", "cnn", *SMALL[SMALL.index("--epochs") :][:2]]
    assert (
        main(["train", str(pets), "--vectors", str(tmp_path / "vectors.txt"), "--out", str(out), *options])
        == 0
    )
    model = load_model(out)
    vocabulary = model.text_encoder.vocabulary
    assert "meows" not in vocabulary
    row = all_layers(model)["words"].get_weights()[0][vocabulary["purrs"]]
    assert row.shape == (3,) and not np.array_equal(row, [1, 0, 0])


def failing(capsys, *arguments):
    """Exit status, and the single line on stderr."""
    status = main(["train", *map(str, arguments)])
    error = capsys.readouterr().err
    assert error.startswith("embedcnn: error: ") and error.count("\n") == 1 and "Traceback" not in error
    return status, error


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        (None, [], "there is no file"),
        (b"", [], "empty"),
        (b"text,label\nfine,good\n\xff\xfe,bad\n", [], "line 3"),
        (b"text,label\na b,x\nc d,x\n", [], "all 2 texts have the label 'x'"),
        (b"text,label\na b,x\nc d,y\n", ["--text-column", "body"], "body"),
        (b"text,label\na b,x\nc d,y\n", [], "no label has four texts"),
        (b"text,label\n" + b"a b,x\nc d,y\n" * 3, [], "no label has four texts"),
        (b"text,label\na b,x\nc d,y\n", ["--encoding", "klingon"], "klingon"),
        (b"text,label\na b,x\nc d,y\n", ["--freeze"], "--freeze"),
        (b"text,label\na b,x\nc d,y\n", ["--vectors", "none.txt", "--dimensions", "5"], "--dimensions"),
    ],
)
def test_errors_are_one_line(content, options, expected, tmp_path, capsys):
    path = tmp_path / "data.csv"
    if content is not None:
        path.write_bytes(content)
    status, error = failing(capsys, path, "--out", tmp_path / "m", *options)
    assert status == 1 and expected in error
    assert not (tmp_path / "m").exists()


def test_missing_labels(pets, tmp_path, capsys):
    data = tmp_path / "some.csv"
    data.write_text(pets.read_text() + ',"it purrs, perhaps"\n' * 3)
    status, error = failing(capsys, data, "--out", tmp_path / "m")
    assert status == 1 and "the label is empty; --missing-labels 'skip' leaves such" in error
    out = str(tmp_path / "m")
    assert main(["train", str(data), "--missing-labels", "skip", "--out", out, "--quiet", *SMALL]) == 0
    captured = capsys.readouterr()
    assert "3 missing labels (the first: line " in captured.err and "4 held out" in captured.out
    assert main(["train", "--missing-labels", "skip", "--out", out]) == 1
    assert "--missing-labels: has no meaning without DATA" in capsys.readouterr().err
    for model in ("bag", "lm"):
        assert main(["train", "--model", model, "--encoding", "latin-1", "--out", out]) == 1
        assert "--encoding: has no meaning without DATA" in capsys.readouterr().err


def test_encoding_option(tmp_path):
    path = tmp_path / "data.csv"
    rows = "text,label\n" + "ein größeres Tier,gut\nein böses Tier,schlecht\n" * 6
    path.write_bytes(rows.encode("latin-1"))
    assert (
        main(["train", str(path), "--encoding", "latin-1", "--out", str(tmp_path / "m"), "--quiet", *SMALL])
        == 0
    )
    assert "größeres" in load_model(tmp_path / "m").text_encoder.vocabulary


def test_files_of_others_are_not_overwritten(pets, tmp_path, capsys):
    out = tmp_path / "notes.txt"
    out.write_text("mine")
    assert failing(capsys, pets, "--out", out)[0] == 1
    assert out.read_text() == "mine"
    assert main(["train", str(pets), "--out", str(out), "--force", *SMALL]) == 0
    capsys.readouterr()
    assert main(["train", str(pets), "--out", str(out), *SMALL]) == 0
    assert f"the model {out} will be replaced" in capsys.readouterr().out


def test_out_in_a_missing_folder_is_refused_before_training(pets, tmp_path, capsys):
    status, error = failing(capsys, pets, "--out", tmp_path / "none" / "m")
    assert status == 1 and "there is no folder" in error


def test_validation_with_an_unknown_label(pets, tmp_path, capsys):
    other = tmp_path / "other.csv"
    other.write_text("text,label\na b,cat\nc d,bird\n")
    status, error = failing(capsys, pets, "--valid", other, "--out", tmp_path / "m")
    assert status == 1 and "'bird' is not one of" in error


@pytest.mark.parametrize(
    "options",
    [["--widths", "0"], ["--dropout", "1"], ["--epochs", "0"], ["--learning-rate", "0"], ["--model", "rnn"]],
)
def test_wrong_usage(options, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["train", *options])
    assert stop.value.code == 2
    assert "usage: embedcnn train" in capsys.readouterr().err


def test_ctrl_c_saves_the_best_model_so_far(pets, tmp_path):
    out = tmp_path / "m"
    command = [
        sys.executable,
        "-c",
        "import sys; from embedcnn.cli import main; sys.exit(main(sys.argv[1:]))",
    ]
    command += ["train", str(pets), "--model", "cnn", "--out", str(out)]
    command += ["--epochs", "1000000", "--patience", "1000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        seen = ""
        while "val_accuracy: 1" not in seen:
            part = process.stderr.read(50)
            assert part, seen
            seen = (seen + part)[-500:]
        process.send_signal(signal.SIGINT)
        printed, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the best model so far" in printed and "Traceback" not in error
    assert load_model(out).predict_labels(["it purrs", "it barks"]) == ["cat", "dog"]


def test_a_diverging_training_saves_nothing(pets, tmp_path, capsys, monkeypatch):
    class Diverged(classifier.AveragedTraining):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = True

    monkeypatch.setattr(classifier, "AveragedTraining", Diverged)
    assert main(["train", str(pets), "--model", "cnn", "--out", str(tmp_path / "m"), "--quiet"]) == 1
    assert "--learning-rate" in capsys.readouterr().err
    assert not (tmp_path / "m").exists()


def test_the_mean_counts_pairs_of_words(tmp_path, capsys):
    """Which of two words comes first is nothing that a mean of words can see."""
    data, out = tmp_path / "order.csv", tmp_path / "m"
    fillers = ["now", "then", "here", "there", "often", "maybe"]
    rows = [f"{a} man bites dog {b},news\n{a} dog bites man {b},usual\n" for a in fillers for b in fillers]
    data.write_text("text,label\n" + "".join(rows))
    arguments = ["train", str(data), "--valid", str(data), "--model", "avg", "--out", str(out), "--quiet"]
    rate = ["--learning-rate", "0.02"]
    assert main([*arguments, *rate]) == 0
    assert "accuracy 100.0%" in capsys.readouterr().out
    assert load_model(out).get_layer("words_and_ngrams").output_dim == 32
    assert main([*arguments, *rate, "--word-ngrams", "1"]) == 0
    assert "accuracy 100.0%" not in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--blend", "--no-blend"])
def test_a_cnn_is_blended_with_a_mean(pets, tmp_path, option):
    out = tmp_path / "m"
    assert main(["train", str(pets), "--out", str(out), "--quiet", option, *SMALL]) == 0
    names = all_layers(load_model(out))
    assert ("mean_probability" in names) == (option == "--blend")
    assert ("words_and_ngrams" in names) == (option == "--blend")
    assert "words" in names and "width_2" in names


def test_a_frozen_mean_stands_alone(pets, tmp_path):
    write_vectors(tmp_path / "vectors.txt")
    for number, options in enumerate([[], ["--freeze"]]):
        arguments = ["--vectors", str(tmp_path / "vectors.txt"), "--model", "avg", "--epochs", "2", "--quiet"]
        assert main(["train", str(pets), "--out", str(tmp_path / "m"), *arguments, *options]) == 0
        names = [layer.name for layer in load_model(tmp_path / "m").layers]
        assert "words_avg" in names and ("words_and_ngrams" in names) == (number == 0)


@pytest.fixture
def skewed(tmp_path):
    """Twenty texts of a label for each of the other; one word in a few of them tells."""
    rng = np.random.default_rng(2)
    words = ["the", "a", "it", "was", "here", "there", "now"]
    rows = []
    for number in range(420):
        rare = number % 21 == 0
        text = " ".join(rng.choice(words, 5)) + (" odd" if rare or number % 7 == 1 else "")
        rows.append(f"{'rare' if rare else 'usual'},{text}")
    path = tmp_path / "skewed.csv"
    path.write_text("label,text\n" + "\n".join(rows) + "\n")
    return path


def test_a_rare_label_is_reported_and_can_weigh_as_much(skewed, tmp_path, capsys):
    recalls = {}
    for name, options in (("plain", []), ("balanced", ["--class-weight", "balanced"])):
        out = str(tmp_path / name)
        assert main(["train", str(skewed), "--quiet", "--out", out, *options, *SMALL]) == 0
        printed = capsys.readouterr().out
        assert ("\nbalanced accuracy (mean recall of the labels) " in printed) == (name == "balanced")
        line = next(line for line in printed.splitlines() if line.startswith("recall "))
        assert line.endswith("; --class-weight balanced gives rare labels more weight") == (name == "plain")
        assert "of the rarest label 'rare' (2 texts); macro F1 0." in line
        recalls[name] = float(line.split()[1].rstrip("%"))
    assert recalls["plain"] == 0 and recalls["balanced"] == 100


def test_the_result_says_that_valid_also_chose(pets, tmp_path, capsys):
    arguments = ["train", str(pets), "--valid", str(pets), "--out", str(tmp_path / "m"), "--quiet", *SMALL]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "texts of --valid, which also decide when to stop (weights" in printed


def test_class_weight_is_refused_where_it_means_nothing(tmp_path, capsys):
    book = tmp_path / "book.txt"
    book.write_text("it purrs. " * 200)
    assert main(["train", "--model", "lm", str(book), "--class-weight", "balanced"]) == 1
    assert "--class-weight: has no meaning with --model lm" in capsys.readouterr().err
    assert main(["train", "--model", "lm", str(book), "--tokenizer", "chars"]) == 1
    assert "--tokenizer: has no meaning with --model lm" in capsys.readouterr().err


def test_the_default_says_what_it_chose_and_takes_texts(pets, tmp_path, capsys):
    out = tmp_path / "m"
    assert main(["train", str(pets), "--out", str(out), "--quiet"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert "32 texts to learn, 4 held out to measure; 2 labels" in printed
    assert sum(line.startswith(("linear parts, out of fold: ", "chosen: linear (")) for line in printed) == 2
    assert any(line.startswith("accuracy 100.0% on the 4 texts held out (trained in ") for line in printed)
    assert main(["predict", str(out), "it purrs"]) == 0
    assert capsys.readouterr().out.startswith("cat")


def test_the_default_is_the_same_file_with_any_threads(pets, tmp_path):
    for threads in ("1", "2"):
        arguments = ["train", str(pets), "--out", str(tmp_path / threads), "--quiet", "--threads", threads]
        assert main(arguments) == 0
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_bags_alone(pets, tmp_path, capsys):
    out = tmp_path / "m"
    options = ["--model", "bag", "--tokenizer", "whitespace", "--word-ngrams", "1", "--max-words", "9"]
    assert main(["train", str(pets), "--out", str(out), "--quiet", *options]) == 0
    assert "words 1 and characters, tf-idf" in capsys.readouterr().out
    [layer] = [
        layer for layer in all_layers(load_model(out)).values() if type(layer).__name__ == "BagOfNgrams"
    ]
    assert layer.features.size == 9 and layer.features.words == (1, 1)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--model", "bag", "--epochs", "3"], "--epochs: has no meaning with --model bag"),
        (["--model", "bag", "--filters", "3"], "--filters: has no meaning with --model bag"),
        (["--model", "avg", "--filters", "3"], "--filters: has no meaning with --model avg"),
        (["--model", "avg", "--recurrent-units", "3"], "--recurrent-units: has no meaning with --model avg"),
        (["--model", "avg", "--time", "3"], "--time: is for the search that --model leaves out"),
        (["--filters", "3", "--time", "3"], "--time: is for the search that --model leaves out"),
        (["--model", "bag", "--no-blend"], "--no-blend: has no meaning with --model bag"),
        (
            ["--model", "cnn", "--no-blend", "--word-ngrams", "3"],
            "--word-ngrams: is for the mean that --no-bl",
        ),
        (["--model", "avg", "--vectors", "v", "--freeze", "--word-ngrams", "3"], "--word-ngrams: no mean"),
        (["--vectors", "v", "--freeze", "--blend"], "--blend: a mean of words has no use for --freeze"),
        (["--dropout", "0.1"], "--dropout: is for a CNN, or --model avg; without --model"),
        (["--word-dropout", "0.1"], "--word-dropout: is for a CNN, or --model avg; without --model"),
    ],
)
def test_options_that_would_do_nothing(options, expected, pets, tmp_path, capsys):
    status, error = failing(capsys, pets, "--out", tmp_path / "m", *options)
    assert status == 1 and expected in error


def test_baseline(pets, tmp_path, capsys, monkeypatch):
    arguments = ["train", str(pets), "--out", str(tmp_path / "m"), "--quiet", "--baseline"]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(arguments) == 1
    assert "--baseline: needs scikit-learn" in capsys.readouterr().err and not (tmp_path / "m").exists()
    monkeypatch.undo()
    pytest.importorskip("sklearn")
    assert main(arguments) == 0
    assert "baseline, TF-IDF + LinearSVC of scikit-learn: 100.0%" in capsys.readouterr().out


def test_ctrl_c_before_anything_is_trained_says_what_was_not_complete(pets, tmp_path, capsys, monkeypatch):
    from embedcnn.classifier import choice

    def stopped(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(choice, "train_linear", stopped)
    with pytest.raises(SystemExit, match="130"):
        main(["train", str(pets), "--out", str(tmp_path / "m"), "--quiet"])
    assert "Ctrl-C before the linear parts were complete; nothing is saved" in capsys.readouterr().err
    assert not (tmp_path / "m").exists()


def test_ctrl_c_keeps_the_linear_parts(pets, tmp_path, capsys, monkeypatch):
    from embedcnn.classifier import choice

    monkeypatch.setattr(choice, "FEWEST", 1)
    monkeypatch.setattr(choice, "train_classifier", lambda *given: choice.Training(None, {}, 0, True))
    assert main(["train", str(pets), "--out", str(tmp_path / "m"), "--quiet"]) == 130
    assert "stopped by Ctrl-C; the best model so far is saved" in capsys.readouterr().out
    assert load_model(tmp_path / "m").predict_labels(["it barks"]) == ["dog"]
