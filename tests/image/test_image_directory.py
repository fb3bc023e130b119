"""utils.image_dataset_from_directory: files, labels and order as Keras, parts, damaged files, mistakes."""

import io

import numpy as np
import pytest

import embedcnn
from embedcnn import data, image
from embedcnn.data import image_directory

pytest.importorskip("PIL.Image")
read = embedcnn.utils.image_dataset_from_directory


@pytest.fixture
def folder(tmp_path):
    """Ten images of three classes; the colour of each tells which it is."""
    shade = 0
    for name, count in (("cat", 4), ("bird", 3), ("dog", 3)):
        (tmp_path / name / "more").mkdir(parents=True)
        for number in range(count):
            kind = ("png", "bmp", "PNG")[number % 3]
            path = tmp_path / name / ("more" if number == 1 else "") / f"{number}.{kind}"
            image.save_img(
                path, np.full((6, 8, 3), shade := shade + 10), scale=False, file_format=kind.lower()
            )
    (tmp_path / "cat" / "note.txt").write_text("no image")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def names(dataset, root):
    return [path.removeprefix(f"{root}/") for path in dataset.file_paths]


SORTED = [
    "bird/0.png",
    "bird/2.PNG",
    "bird/more/1.bmp",
    "cat/0.png",
    "cat/2.PNG",
    "cat/3.png",
    "cat/more/1.bmp",
]
SORTED += ["dog/0.png", "dog/2.PNG", "dog/more/1.bmp"]
MIXED = [5, 4, 1, 2, 9, 6, 7, 0, 3, 8]  # by Keras 3.15 with seed=3


def test_sorted_by_class_folder_and_name(folder, capsys):
    found = read(folder, image_size=(3, 4), shuffle=False, batch_size=4)
    assert capsys.readouterr().out == "Found 10 files belonging to 3 classes.\n"
    assert names(found, folder) == SORTED and found.class_names == ["bird", "cat", "dog"] and len(found) == 3
    batches = list(found)
    assert [x.shape for x, _ in batches] == [(4, 3, 4, 3), (4, 3, 4, 3), (2, 3, 4, 3)]
    assert {x.dtype for x, _ in batches} == {np.dtype(np.float32)}
    assert [y.dtype for _, y in batches] == [np.int32] * 3
    assert np.concatenate([y for _, y in batches]).tolist() == [0] * 3 + [1] * 4 + [2] * 3
    shades = np.concatenate([x for x, _ in batches])[:, 0, 0, 0]
    assert shades.tolist() == [50, 70, 60, 10, 30, 40, 20, 80, 100, 90]


def test_mixed_as_keras_mixes(folder):
    found = read(folder, image_size=2, seed=3, verbose=False, batch_size=None)
    assert names(found, folder) == [SORTED[number] for number in MIXED]
    first, second = ([float(x[0, 0, 0]) for x, _ in found] for _ in range(2))
    assert first != second and sorted(first) == sorted(second) and {y.shape for _, y in found} == {()}


@pytest.mark.parametrize("shuffle", [True, False])
def test_parts_are_those_of_keras(folder, capsys, shuffle):
    order = MIXED if shuffle else list(range(10))
    settings = {"image_size": 2, "seed": 3, "shuffle": shuffle, "validation_split": 0.3}
    training, validation = read(folder, subset="both", **settings)
    assert capsys.readouterr().out.endswith("Using 7 files for training.\nUsing 3 files for validation.\n")
    for part, numbers, subset in ((training, order[:7], "training"), (validation, order[7:], "validation")):
        expected = [SORTED[number] for number in numbers]
        assert names(part, folder) == names(read(folder, subset=subset, **settings), folder) == expected
        assert part.class_names == ["bird", "cat", "dog"]
    assert np.array_equal(next(iter(validation))[0], next(iter(validation))[0])  # in one order


@pytest.mark.parametrize(
    ("mode", "dtype", "expected"),
    [
        ("int", np.int32, [0, 0, 0, 1, 1, 1]),
        ("binary", np.float32, [[0], [0], [0], [1], [1], [1]]),
        ("categorical", np.float32, [[1, 0]] * 3 + [[0, 1]] * 3),
    ],
)
def test_modes_of_labels(folder, mode, dtype, expected):
    found = read(
        folder, label_mode=mode, class_names=["dog", "bird"], image_size=2, shuffle=False, verbose=False
    )
    ((_, labels),) = list(found)
    assert labels.dtype == dtype and labels.tolist() == expected and found.class_names == ["dog", "bird"]


def test_labels_that_are_given_and_none(folder):
    found = read(folder, labels=[7, 5] * 5, image_size=2, shuffle=False, verbose=False)
    assert next(iter(found))[1].tolist() == [7, 5] * 5 and found.class_names == ["5", "7"]
    for settings in ({"labels": None}, {"label_mode": None}):
        found = read(folder, image_size=2, shuffle=False, verbose=False, **settings)
        assert [x.shape for x in found] == [(10, 2, 2, 3)] and found.class_names is None


@pytest.mark.parametrize(("mode", "channels"), [("grayscale", 1), ("rgb", 3), ("rgba", 4)])
def test_colours_and_axes(folder, mode, channels):
    settings = {"color_mode": mode, "image_size": (3, 4), "shuffle": False, "verbose": False, "labels": None}
    last, first = (
        next(iter(read(folder, data_format=order, **settings))) for order in (None, "channels_first")
    )
    assert last.shape == (10, 3, 4, channels) and np.array_equal(first, last.transpose(0, 3, 1, 2))


def test_proportions(tmp_path):
    picture = np.zeros((6, 12, 1))
    picture[:, 3:9] = 200
    image.save_img(tmp_path / "x.png", picture, scale=False)
    settings = {"labels": None, "image_size": (4, 4), "verbose": False, "interpolation": "nearest"}
    (cut,), (padded,) = (
        list(read(tmp_path, **settings, **{f"{how}_to_aspect_ratio": True})) for how in ("crop", "pad")
    )
    assert (cut == 200).all() and cut.shape == (1, 4, 4, 3)
    assert padded[0, :, :, 0].tolist() == [[0] * 4, [0, 200, 200, 0], [0, 200, 200, 0], [0] * 4]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_are_upright(tmp_path, orientation):
    """They are turned when they are small, which is the same but for rounding."""
    from PIL import Image

    pixels = np.random.default_rng(1).integers(0, 256, (40, 31, 3)).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(tmp_path / "x.jpg", exif=exif)
    for settings in ({}, {"crop_to_aspect_ratio": True}, {"interpolation": "area"}):
        found = next(iter(read(tmp_path, labels=None, image_size=(12, 9), verbose=False, **settings)))[0]
        whole = image.decode_jpeg((tmp_path / "x.jpg").read_bytes())
        if settings == {"crop_to_aspect_ratio": True}:
            whole = image_directory.cut_to_ratio(whole, 12, 9)
        expected = image.resize(whole, (12, 9), settings.get("interpolation", "bilinear"))
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


def test_damaged_images_are_named_or_left_out(folder):
    (folder / "cat" / "3.png").write_bytes((folder / "cat" / "3.png").read_bytes()[:45])
    settings = {"image_size": 2, "shuffle": False, "verbose": False, "batch_size": 4}
    with pytest.raises(image.DamagedImageError, match=r"cat/3\.png: the file is no image that can be read"):
        list(read(folder, **settings))
    found = read(folder, damaged="skip", **settings)
    with pytest.warns(UserWarning, match=r"1 damaged images were left out. The first: .*cat/3\.png"):
        assert sum(len(y) for _, y in found) == 9
    assert sum(len(y) for _, y in found) == 9  # and no second warning
    assert len(found.ignored_errors) == 1 and "cat/3.png" in found.ignored_errors[0]


def test_the_article_reads_the_same(folder):
    """Its three examples (background/003): a pipeline, a network, a schedule; labels from the folders."""
    tf, layers, callbacks = embedcnn, embedcnn.layers, embedcnn.callbacks
    classes = ["bird", "cat", "dog"]

    def load_and_preprocess_image(image_path):
        picture = tf.io.read_file(image_path)
        picture = tf.image.decode_jpeg(picture, channels=3)
        picture = tf.image.resize(picture, [12, 10])
        picture = tf.image.convert_image_dtype(picture, dtype="float32")
        return picture, np.eye(3, dtype=np.float32)[classes.index(image_path.split("/")[-2])]

    paths = sorted(str(path) for path in folder.glob("*/*.png"))
    train = tf.data.Dataset.list_files(paths, seed=1)
    train = train.map(load_and_preprocess_image, num_parallel_calls=tf.data.AUTOTUNE).batch(3)
    train = train.prefetch(tf.data.AUTOTUNE)
    shapes = [(x.shape, x.dtype, y.shape) for x, y in train]
    assert shapes[0] == ((3, 12, 10, 3), np.float32, (3, 3)) and sum(x[0] for x, *_ in shapes) == len(paths)

    model = tf.Sequential(
        [
            layers.Conv2D(8, (3, 3), activation="relu", input_shape=(12, 10, 3)),
            layers.DepthwiseConv2D((3, 3), activation="relu"),
            layers.Conv2D(16, (1, 1), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ],
        seed=1,
    )
    optimizer = tf.optimizers.Adam(learning_rate=0.001)
    model.compile(optimizer=optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
    schedule = callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.1, patience=1, min_delta=1e9)
    history = model.fit(train, epochs=4, callbacks=[schedule], validation_data=train, verbose=0).history
    assert np.isfinite(history["val_loss"]).all()
    np.testing.assert_allclose(history["learning_rate"], [1e-3, 1e-3, 1e-4, 1e-5], rtol=1e-5)


def test_a_model_learns_from_a_folder_through_a_cache_file(folder, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache") / "pictures"
    made = read(folder, image_size=2, shuffle=False, verbose=False, batch_size=None).cache(cache)
    batches = made.shuffle(10, seed=1).batch(5)
    layers = embedcnn.layers
    model = embedcnn.Sequential([embedcnn.Input((2, 2, 3)), layers.Flatten(), layers.Dense(3)], seed=1)
    model.compile("sgd", embedcnn.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(batches, epochs=2, verbose=0)
    assert np.isfinite(model.evaluate(batches, verbose=0)) and cache.stat().st_size > 10 * 48


MISTAKES = {
    "no folder": (lambda root: read(root / "none"), FileNotFoundError, "there is no folder"),
    "a file": (lambda root: read(root / "cat" / "0.png"), NotADirectoryError, "is not a folder"),
    "mode": (lambda root: read(root, label_mode="one_hot"), ValueError, "`label_mode` must be one of"),
    "labels": (lambda root: read(root, labels="infer"), ValueError, "`labels` must be 'inferred'"),
    "number of labels": (lambda root: read(root, labels=[1]), ValueError, "one per file, 10"),
    "labels and names": (
        lambda root: read(root, labels=None, class_names=["a"]),
        ValueError,
        "class_names: has",
    ),
    "names": (lambda root: read(root, class_names=["cow"]), ValueError, "`class_names` must be names of sub"),
    "two of three": (
        lambda root: read(root, label_mode="binary", verbose=False),
        ValueError,
        "needs two classes",
    ),
    "colours": (lambda root: read(root, color_mode="hsv"), ValueError, "color_mode='hsv' is unknown"),
    "size": (
        lambda root: read(root, image_size=(1, 2, 3)),
        ValueError,
        r"`image_size` must be \(height, width\)",
    ),
    "zero": (
        lambda root: read(root, image_size=0),
        ValueError,
        "`image_size` must be an integer of at least 1",
    ),
    "method": (
        lambda root: read(root, interpolation="gaussian"),
        ValueError,
        "interpolation='gaussian' is unknown",
    ),
    "both": (
        lambda root: read(root, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True),
        ValueError,
        "must not both",
    ),
    "axes": (lambda root: read(root, data_format="last"), ValueError, "data_format='last' is unknown"),
    "damaged": (lambda root: read(root, damaged="ignore"), ValueError, "damaged='ignore' is unknown"),
    "subset": (lambda root: read(root, subset="training"), ValueError, "must be given together"),
    "seed": (
        lambda root: read(root, validation_split=0.2, subset="training"),
        ValueError,
        "seed: needed with",
    ),
    "an empty part": (
        lambda root: read(root, validation_split=0.01, subset="training", seed=1),
        ValueError,
        "one part empty",
    ),
    "categories": (
        lambda root: read(root, labels=[9] * 10, label_mode="categorical"),
        ValueError,
        "class numbers below 1",
    ),
    "no images": (lambda root: read(root / ".hidden", labels=None), ValueError, "there are no images"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_explained(folder, name):
    call, kind, message = MISTAKES[name]
    with pytest.raises(kind, match=message):
        call(folder)


def test_contents_of_a_file_are_bytes(folder):
    contents = embedcnn.io.read_file(str(folder / "cat" / "0.png"))
    assert isinstance(contents, bytes) and contents == (folder / "cat" / "0.png").read_bytes()
    assert image.load_img(io.BytesIO(contents)).size == (8, 6)
    assert list(data.Dataset.from_tensors(str(folder / "cat" / "0.png")).map(embedcnn.io.read_file)) == [
        contents
    ]
