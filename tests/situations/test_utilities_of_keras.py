"""Keras's utilities, data sets and objects as configurations, as programs use them."""

import hashlib
import io
import json
import pathlib
import pickle
import random
import tarfile
import zipfile

import numpy as np
import pytest

import embedcnn
from embedcnn import (
    activations,
    datasets,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    saving,
    utils,
)
from embedcnn.base import keras_names
from embedcnn.data import Dataset


# -- objects as configurations -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "thing",
    [
        layers.Dense(3, activation="relu", name="scores"),
        losses.Hinge(),
        metrics.Hinge(),
        metrics.Precision(thresholds=0.25),
        optimizers.SGD(0.5, momentum=0.9),
        optimizers.schedules.ExponentialDecay(0.1, 10, 0.5),
        initializers.RandomNormal(seed=3),
        embedcnn.regularizers.L2(0.5),
        embedcnn.constraints.MaxNorm(3),
    ],
    ids=lambda thing: type(thing).__name__ + type(thing).__module__.partition(".")[2],
)
def test_an_object_comes_back_from_its_configuration(thing):
    config = json.loads(json.dumps(saving.serialize_keras_object(thing)))
    again = saving.deserialize_keras_object(config)
    assert type(again) is type(thing)
    assert again.get_config() == thing.get_config()
    assert utils.serialize_keras_object(again) == saving.serialize_keras_object(again)


def test_a_model_comes_back_from_its_configuration():
    model = embedcnn.Sequential([embedcnn.Input((3,)), layers.Dense(2)])
    again = saving.deserialize_keras_object(saving.serialize_keras_object(model))
    assert again.count_params() == 8 and again is not model


def test_functions_and_numbers_as_configurations():
    assert saving.serialize_keras_object(activations.relu) == "relu"
    assert saving.deserialize_keras_object("relu") is activations.relu
    assert saving.deserialize_keras_object(0.5) == saving.serialize_keras_object(0.5) == 0.5
    with pytest.raises(ValueError, match="class 'Missing' is not known"):
        saving.deserialize_keras_object({"class_name": "Missing", "config": {}})


def halved(x):
    return x / 2


def test_objects_of_one_s_own_are_known_inside_a_scope():
    for scope in (utils.custom_object_scope, saving.CustomObjectScope):
        with scope({"halved": halved}) as inside:
            assert activations.get("halved") is halved and inside.custom_objects == {"halved": halved}
            assert saving.get_registered_object("halved") is halved
        with pytest.raises(ValueError, match="activation='halved'"):
            activations.get("halved")
    with pytest.raises(TypeError, match="`custom_objects` must be a dict"):
        utils.custom_object_scope(None)
    assert saving.get_registered_object("halved") is None
    assert saving.get_registered_object("halved", {"halved": halved}) is halved
    utils.get_custom_objects()["halved"] = halved
    try:
        assert activations.get("halved") is halved
        assert activations.deserialize(activations.serialize(halved)) is halved
    finally:
        del utils.get_custom_objects()["halved"]
    assert utils.get_registered_name(halved) == "halved"
    with pytest.raises(ValueError, match="without a name"):
        activations.serialize(lambda x: x)
    assert activations.deserialize("halved", {"halved": halved}) is halved


def test_each_kind_reads_its_own_configuration():
    assert optimizers.deserialize(optimizers.serialize(optimizers.Adam(0.5))).learning_rate == 0.5
    assert isinstance(losses.deserialize("mse"), losses.MeanSquaredError)
    assert isinstance(metrics.deserialize(metrics.serialize(metrics.AUC())), metrics.AUC)
    assert initializers.deserialize("ones")((1,)).tolist() == [1.0]
    assert embedcnn.regularizers.deserialize("l1").l1 == 0.01
    assert embedcnn.constraints.deserialize("non_neg")([-1.0]).tolist() == [0.0]


def test_activations_that_ops_has():
    x = np.array([[3.0, 1.0, 2.5, -1.0]])
    assert activations.swish is activations.silu and activations.hard_swish is activations.hard_silu
    np.testing.assert_allclose(
        activations.glu(x), [[3 / (1 + np.exp(-2.5)), 1 / (1 + np.exp(1.0))]], rtol=1e-6
    )
    np.testing.assert_allclose(activations.threshold(x, 1.0, -5.0), [[3.0, -5.0, 2.5, -5.0]])
    tensor = embedcnn.Input((4,))
    for approximate, name in ((True, "gelu_tanh"), (False, "gelu")):
        np.testing.assert_array_equal(activations.gelu(x, approximate), getattr(activations, name)(x))
        made = models.Model(tensor, activations.gelu(tensor, approximate=approximate))
        np.testing.assert_allclose(
            made.predict(x, verbose=0), getattr(activations, name)(x), rtol=1e-5, atol=1e-6
        )


# -- losses and accuracies as functions ----------------------------------------------------------------------
def test_losses_as_functions_take_settings_in_keras_s_order():
    y, p = np.array([[1.0, 0.0]]), np.array([[2.0, -1.0]])
    np.testing.assert_allclose(
        losses.binary_crossentropy(y, p, True, 0.1),
        losses.binary_crossentropy(y, p, from_logits=True, label_smoothing=0.1),
    )
    assert losses.huber(y, p, 0.5) == losses.huber(y, p, delta=0.5) != losses.huber(y, p)
    with pytest.raises(TypeError, match=r"huber\(\) takes y_true, y_pred and 1 settings"):
        losses.huber(y, p, 0.5, 1)
    assert metrics.mean_squared_error(y, p) == losses.mean_squared_error(y, p)


def test_accuracies_as_functions():
    p = np.array([[0.1, 0.6, 0.3], [0.5, 0.2, 0.3]])
    assert metrics.sparse_categorical_accuracy([[1], [1]], p).tolist() == [1.0, 0.0]
    assert metrics.categorical_accuracy(np.eye(3)[[1, 1]], p).tolist() == [1.0, 0.0]
    assert metrics.sparse_top_k_categorical_accuracy([2, 1], p, k=2).tolist() == [1.0, 0.0]
    assert metrics.top_k_categorical_accuracy(np.eye(3)[[2, 1]], p, k=2).tolist() == [1.0, 0.0]
    assert metrics.binary_accuracy([[1, 1, 0], [1, 1, 1]], p, 0.4).tolist() == pytest.approx([2 / 3, 1 / 3])
    model = embedcnn.Sequential([embedcnn.Input((3,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=[metrics.sparse_categorical_accuracy])
    found = model.evaluate(p, np.array([1, 1]), verbose=0, return_dict=True)
    right = metrics.sparse_categorical_accuracy([1, 1], model.predict(p, verbose=0)).mean()
    assert found["sparse_categorical_accuracy"] == pytest.approx(right)


# -- arrays and data sets ------------------------------------------------------------------------------------
def test_normalize_and_other_small_ones():
    np.testing.assert_allclose(utils.normalize([[3.0, 4.0], [0.0, 0.0]]), [[0.6, 0.8], [0, 0]])
    np.testing.assert_allclose(utils.normalize([[3.0, 4.0]], order=1), [[3 / 7, 4 / 7]])
    assert utils.pack_x_y_sample_weight([1]) == ([1],) and utils.pack_x_y_sample_weight(1) == 1
    assert utils.pack_x_y_sample_weight(1, 2) == (1, 2) and utils.pack_x_y_sample_weight(1, 2, 3) == (1, 2, 3)
    assert utils.is_keras_tensor(embedcnn.Input((2,))) and not utils.is_keras_tensor([1])
    assert utils.standardize_dtype("bfloat16") == "bfloat16" and utils.standardize_dtype(str) == "string"
    with pytest.raises(ValueError, match="`dtype` must name a dtype"):
        utils.standardize_dtype("nothing")


def test_a_data_set_cut_into_two():
    x, y = np.arange(10.0), np.arange(10)
    left, right = utils.split_dataset((x, y), left_size=0.8)
    assert [int(number) for _, number in left] == list(range(8)) and len(right) == 2
    left, right = utils.split_dataset(Dataset.from_tensor_slices(y), right_size=3, shuffle=True, seed=5)
    expected = list(range(10))
    random.Random(5).shuffle(expected)
    assert [int(one) for one in left] == expected[:7] and [int(one) for one in right] == expected[7:]
    left, right = utils.split_dataset([x, y], left_size=2, right_size=3)
    assert len(left) == 2 and [float(one) for one, _ in right] == [7.0, 8.0, 9.0]
    assert [len(one[0]) for one in left.batch(2)] == [2]
    for sizes in (
        {},
        {"left_size": 11},
        {"left_size": 1.5},
        {"left_size": 6, "right_size": 6},
        {"left_size": 0.01},
    ):
        with pytest.raises(ValueError, match="size"):
            utils.split_dataset(x, **sizes)


# -- files ---------------------------------------------------------------------------------------------------
def text_of(path):
    with open(path) as file:
        return file.read()


def test_a_file_is_fetched_once_and_checked(tmp_path, capsys):
    source = tmp_path / "words.txt"
    source.write_text("one two")
    told = {"origin": source.as_uri(), "cache_dir": tmp_path / "cache"}
    path = utils.get_file("kept.txt", **told, file_hash=hashlib.sha256(b"one two").hexdigest())
    assert path == str(tmp_path / "cache/datasets/kept.txt") and "Downloading" in capsys.readouterr().out
    source.write_text("other")
    assert text_of(utils.get_file("kept.txt", **told)) == "one two" and not capsys.readouterr().out
    assert text_of(utils.get_file("kept.txt", **told, md5_hash=hashlib.md5(b"other").hexdigest())) == "other"
    with pytest.raises(ValueError, match="does not have the hash"):
        utils.get_file("kept.txt", **told, file_hash="0" * 64)
    assert text_of(utils.get_file("kept.txt", **told, force_download=True)) == "other"
    with pytest.raises(OSError):
        utils.get_file(origin=(tmp_path / "missing").as_uri(), cache_dir=tmp_path)
    with pytest.raises(ValueError, match="`origin`"):
        utils.get_file("a")
    with pytest.raises(ValueError, match="`fname`"):
        utils.get_file("a/b", **told)


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_an_archive_is_unpacked_inside_its_folder(tmp_path, kind):
    def written(name, member):
        path = tmp_path / name
        if kind == "zip":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr(member, "text")
        else:
            with tarfile.open(path, "w:gz") as archive:
                info = tarfile.TarInfo(member)
                info.size = 4
                archive.addfile(info, io.BytesIO(b"text"))
        return path.as_uri()

    folder = utils.get_file("set.arc", origin=written("a", "in/b.txt"), extract=True, cache_dir=tmp_path)
    assert folder == str(tmp_path / "datasets/set_extracted")
    assert (tmp_path / "datasets/set_extracted/in/b.txt").read_text() == "text"
    with pytest.raises(ValueError, match="outside of its folder"):
        utils.get_file("bad", origin=written("c", "../../out.txt"), extract=True, cache_dir=tmp_path)
    assert not (tmp_path / "out.txt").exists()
    (tmp_path / "plain").write_text("no archive")
    with pytest.raises(ValueError, match="is no archive"):
        utils.get_file("p", origin=(tmp_path / "plain").as_uri(), extract=True, cache_dir=tmp_path)


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Where data sets come from and are kept; without hashes."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    for module in (datasets.imdb, datasets.reuters):
        monkeypatch.setattr(module, "ORIGIN", tmp_path.as_uri() + "/")
        monkeypatch.setattr(module, "HASHES", dict.fromkeys(module.HASHES))
    monkeypatch.setattr(datasets.mnist, "ORIGIN", (tmp_path / "mnist.npz").as_uri())
    monkeypatch.setattr(datasets.mnist, "HASH", None)
    return tmp_path


def texts_of(*texts):
    made = np.empty(len(texts), object)
    made[:] = [list(text) for text in texts]
    return made


def test_imdb_as_keras_cuts_and_orders_it(kept):
    x, y = texts_of([1, 2, 30], [4], [5, 6], [7, 8]), np.array([0, 1, 0, 1])
    np.savez(kept / "imdb.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    (kept / "imdb_word_index.json").write_text('{"the": 1}')
    (x_train, y_train), (x_test, y_test) = datasets.imdb.load_data(num_words=20, skip_top=5)
    order, state = np.arange(4), np.random.RandomState(113)
    state.shuffle(order)
    expected = [[1, *(word + 3 for word in x[place])] for place in order]
    assert x_train.tolist() == [[w if 5 <= w < 20 else 2 for w in text] for text in expected]
    assert y_train.tolist() == y[order].tolist()
    order = np.arange(4)
    state.shuffle(order)
    assert y_test.tolist() == y[order].tolist() and len(x_test) == 4
    (short, _), _ = datasets.imdb.load_data(maxlen=3, start_char=None, oov_char=None, index_from=0)
    assert sorted(short.tolist()) == [
        [4],
        [5, 6],
        [7],
    ]  # the largest number of all is the first that is left out
    assert datasets.imdb.get_word_index() == {"the": 1}


def test_reuters_and_digits(kept):
    x, y = texts_of([1, 2], [3], [4], [5], [6]), np.arange(5)
    np.savez(kept / "reuters.npz", x=x, y=y)
    (x_train, y_train), (x_test, _) = datasets.reuters.load_data(test_split=0.4)
    assert len(x_train) == len(y_train) == 3 and len(x_test) == 2
    images = np.zeros((3, 28, 28), np.uint8)
    np.savez(kept / "mnist.npz", x_train=images, y_train=y[:3], x_test=images, y_test=y[:3])
    assert datasets.mnist.load_data()[0][0].shape == (3, 28, 28)
    assert len(datasets.reuters.get_label_names()) == 46


class Runs:
    def __reduce__(self):
        return (open, ("/tmp/never", "w"))


def test_nothing_in_an_archive_is_executed(kept):
    bad = np.empty(1, object)
    bad[0] = Runs()
    np.savez(kept / "imdb.npz", x_train=bad, y_train=bad, x_test=bad, y_test=bad)
    with pytest.raises(ValueError, match="which is no array"):
        datasets.imdb.load_data()
    assert pickle.loads(pickle.dumps(1)) == 1
    (kept / "home/datasets/imdb.npz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match="is no archive of arrays"):
        datasets.imdb.load_data()


# -- seeds and settings --------------------------------------------------------------------------------------
def test_a_seed_generator_draws_anew_at_each_call():
    from embedcnn.base.random_seeds import SeedGenerator

    one, other = (initializers.RandomUniform(seed=SeedGenerator(3)) for _ in range(2))
    first = one((4,))
    np.testing.assert_array_equal(first, other((4,)))
    assert (one((4,)) != first).any()
    again = initializers.deserialize(json.loads(json.dumps(initializers.serialize(one))))
    np.testing.assert_array_equal(again((4,)), first)


def test_settings_have_one_value():
    config = embedcnn.config
    assert (config.floatx(), config.epsilon(), config.image_data_format()) == (
        "float32",
        1e-7,
        "channels_last",
    )
    config.set_floatx("float32"), config.set_epsilon(1e-7), config.set_image_data_format("channels_last")
    for call in (
        lambda: config.set_floatx("float16"),
        lambda: config.set_epsilon(1e-3),
        lambda: config.set_image_data_format("channels_first"),
    ):
        with pytest.raises(ValueError, match="must be"):
            call()
    assert embedcnn.backend.backend() == "embedcnn"


def test_a_model_is_drawn_to_a_file(tmp_path):
    pytest.importorskip("matplotlib").use("agg")
    model = embedcnn.Sequential([embedcnn.Input((3,)), layers.Dense(2)])
    utils.plot_model(
        model, tmp_path / "model.svg", show_shapes=True, show_layer_names=True, rankdir="TB", dpi=50
    )
    assert b"<svg" in (tmp_path / "model.svg").read_bytes()
    for options in ({"rankdir": "LR"}, {"expand_nested": True}):
        with pytest.raises(ValueError, match="of a plot must be"):
            utils.plot_model(model, tmp_path / "b.png", **options)
    with pytest.raises(TypeError, match="no argument 'colour'"):
        utils.plot_model(model, tmp_path / "b.png", colour=1)


def test_models_are_saved_and_loaded_by_keras_s_functions(tmp_path):
    model = embedcnn.Sequential([embedcnn.Input((3,)), layers.Dense(2)])
    models.save_model(model, tmp_path / "m")
    saving.save_model(model, tmp_path / "m")
    for load in (models.load_model, saving.load_model):
        assert load(tmp_path / "m", None, False).count_params() == 8
    assert models.load_model(tmp_path / "m", safe_mode=False).count_params() == 8
    with pytest.raises(FileExistsError):
        models.save_model(model, tmp_path / "m", overwrite=False)


def test_sizes_with_an_open_batch_make_a_mask_that_meets_any():
    """As the miniature GPT of keras.io repeats its causal mask over the batch."""

    size = ops.shape(embedcnn.Input((4,)))[0]
    times = ops.concatenate([ops.expand_dims(size, -1), ops.convert_to_tensor([1, 1])], 0)
    assert ops.tile(np.ones((1, 3, 3)), times).shape == (1, 3, 3)
    with pytest.raises(ValueError, match="`repeats` may be None"):
        ops.tile(np.ones((2, 3)), [None, 1])
    assert ops.convert_to_tensor([["a text"]]).tolist() == [["a text"]]
    assert ops.zeros((1,), dtype=None).dtype == np.float32 == ops.eye(2, dtype=None).dtype


NAMES = json.loads((pathlib.Path(__file__).resolve().parents[1] / "golden" / "keras_names.json").read_text())[
    "names"
]


@pytest.mark.parametrize("module", NAMES)
def test_each_name_of_keras_is_here_or_says_what_does_its_work(module):
    here = embedcnn
    for part in module.split(".") if module else ():
        here = getattr(here, part)
    silent = []
    for name in NAMES[module]:
        try:
            getattr(here, name)
        except AttributeError as error:
            if name not in keras_names.ELSEWHERE.get(module, {}) or ";" not in str(error):
                silent.append(name)
    assert not silent
    known = [name for name in keras_names.ELSEWHERE.get(module, {}) if hasattr(here, name)]
    assert not known, "no longer needs another name"
