"""Values that no argument of their kind can have: each is refused by name, in every part of the package."""

import inspect

import numpy as np
import pytest

import embedcnn
from embedcnn import callbacks, initializers, layers, losses, metrics, preprocessing
from embedcnn.optimizers import schedules
from embedcnn.preprocessing.text import Tokenizer

NAN = float("nan")


def classes_of(module, base):
    found = {thing for thing in vars(module).values() if inspect.isclass(thing) and issubclass(thing, base)}
    return sorted((one for one in found if not one.__name__.startswith("_")), key=lambda one: one.__name__)


NAMED = [
    *[cls for cls in classes_of(losses, losses.Loss) if "function" not in inspect.signature(cls).parameters],
    *[
        cls
        for cls in classes_of(metrics, metrics.Metric)
        if not {"function", "fn"} & set(inspect.signature(cls).parameters)
        and cls is not getattr(metrics, "LossMetric", None)
    ],
    schedules.CosineDecay,
    schedules.CosineDecayRestarts,
    schedules.ExponentialDecay,
    schedules.InverseTimeDecay,
    schedules.PolynomialDecay,
    embedcnn.Model,
    embedcnn.Sequential,
    embedcnn.optimizers.SGD,
]
NEEDED = {
    **dict.fromkeys(("recall", "precision", "specificity", "sensitivity"), 0.5),
    "initial_learning_rate": 0.1,
    "decay_steps": 10,
    "first_decay_steps": 10,
    "decay_rate": 0.5,
}


def needed_by(cls):
    parameters = inspect.signature(cls).parameters.values()
    return {
        one.name: NEEDED[one.name] for one in parameters if one.name in NEEDED and one.default is one.empty
    }


@pytest.mark.parametrize("name", [0, False, (), {}, "", 3, ["a"], b"a"], ids=repr)
@pytest.mark.parametrize("cls", NAMED)
def test_names_are_strings(cls, name):
    with pytest.raises(ValueError, match="`name` must be a non-empty string"):
        cls(name=name, **needed_by(cls))


WRONG = {
    "constant text": (lambda: initializers.Constant(b"1"), "value=b'1'"),
    "constant object": (lambda: initializers.Constant({}), "value={}"),
    "constant array": (lambda: initializers.Constant(np.array(["a"])), "value: numbers were expected"),
    "normal": (lambda: initializers.RandomNormal(mean=NAN), "mean=nan"),
    "normal deviation": (lambda: initializers.RandomNormal(stddev=-1), "stddev=-1"),
    "truncated deviation": (lambda: initializers.TruncatedNormal(stddev="a"), "stddev='a'"),
    "uniform": (lambda: initializers.RandomUniform(minval=None), "minval=None"),
    "uniform order": (lambda: initializers.RandomUniform(1, 0), "`maxval` must be a finite number >= 1"),
    "orthogonal": (lambda: initializers.Orthogonal(gain=1j), "gain=1j"),
    "identity": (lambda: initializers.Identity(gain=[1]), "gain=[1]"),
    "initial array": (
        lambda: layers.Dense(2, kernel_initializer=np.array(["a"])),
        "kernel_initializer: numbers were expected",
    ),
    "units": (lambda: layers.Dense(1 << 70), "units=1180591620717411303424"),
    "recurrent activation": (
        lambda: layers.LSTM(2, recurrent_activation="sigmoit"),
        "recurrent_activation='sigmoit' is unknown; did you mean 'sigmoid'",
    ),
    "unroll": (lambda: layers.LSTM(2, unroll="yes"), "unroll='yes'"),
    "cudnn": (lambda: layers.GRU(2, use_cudnn="always"), "use_cudnn"),
    "implementation": (lambda: layers.GRU(2, implementation="fast"), "implementation='fast'"),
    "input_shape": (lambda: layers.Dense(2, input_shape=5), "input_shape=5"),
    "input_shape size": (lambda: layers.Dense(2, input_shape=(-1,)), "input_shape=-1"),
    "dtype array": (lambda: layers.Dense(2, dtype=np.zeros(3)), "must be 'float32'"),
    "data format array": (lambda: layers.Flatten(data_format=np.zeros((2, 2))), "`data_format` must be"),
    "input dtype": (lambda: embedcnn.Input((3,), dtype=["int32"]), "`dtype` of an Input must be"),
    "attention seed": (lambda: layers.Attention(seed="a"), "seed='a'"),
    "heads seed": (lambda: layers.MultiHeadAttention(2, 2, seed=1.5), "seed=1.5"),
    "shared axes": (lambda: layers.PReLU(shared_axes=1.5), "shared_axes=1.5"),
    "shared axes set": (lambda: layers.PReLU(shared_axes={1}), "shared_axes={1}"),
    "permute set": (lambda: layers.Permute({2, 1}), "dims={1, 2}"),
    "permute number": (lambda: layers.Permute(2), "dims=2"),
    "reshape text": (lambda: layers.Reshape("ab"), "target_shape='ab'"),
    "bias axes": (lambda: layers.EinsumDense("ab,bc->ac", 3, bias_axes=0), "bias_axes=0"),
    "thresholds": (lambda: metrics.Precision(thresholds="a"), "thresholds='a'"),
    "thresholds dict": (lambda: metrics.Recall(thresholds={}), "thresholds={}"),
    "auc thresholds": (lambda: metrics.AUC(thresholds=0.5), "thresholds=0.5"),
    "auc thresholds nan": (lambda: metrics.AUC(thresholds=[NAN]), "thresholds=nan"),
    "auc weights": (lambda: metrics.AUC(multi_label=True, label_weights=1.0), "label_weights=1.0"),
    "too many thresholds": (lambda: metrics.AUC(num_thresholds=1 << 31), "num_thresholds=2147483648"),
    "precision thresholds": (
        lambda: metrics.PrecisionAtRecall(0.5, num_thresholds=1 << 40),
        "num_thresholds=1099511627776",
    ),
    "boundaries": (lambda: schedules.PiecewiseConstantDecay(3, [1, 2]), "boundaries=3"),
    "boundaries set": (lambda: schedules.PiecewiseConstantDecay({3}, [1, 2]), "boundaries={3}"),
    "values": (lambda: schedules.PiecewiseConstantDecay([3], 1), "values=1"),
    "unfreeze": (lambda: callbacks.UnfreezeAt(1, layers=3), "layers=3"),
    "unfreeze part": (lambda: callbacks.UnfreezeAt(1, layers=["a", None]), "layers=['a', None]"),
    "unfreeze rate": (lambda: callbacks.UnfreezeAt(1, learning_rate="a"), "learning_rate='a'"),
    "unfreeze lr": (lambda: callbacks.UnfreezeAt(1, lr=NAN), "lr=nan"),
}


@pytest.mark.parametrize("case", WRONG)
def test_refused_by_name(case):
    call, message = WRONG[case]
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    assert message in str(caught.value)


def test_a_weight_larger_than_memory_can_be_says_so():
    layer = layers.Dense(1 << 62)
    with pytest.raises(MemoryError, match=r"an array of shape \(4, 4611686018427387904\) needs .* bytes"):
        layer(embedcnn.Input((4,)))


# -- texts ---------------------------------------------------------------------------------------------------
def skipgrams(**given):
    return preprocessing.sequence.skipgrams(**{"sequence": [1, 2, 3], "vocabulary_size": 5, **given})


OF_TEXTS = {
    "num_words": (lambda: Tokenizer(num_words="10"), "num_words='10'"),
    "num_words nan": (lambda: Tokenizer(num_words=NAN), "num_words=nan"),
    "num_words negative": (lambda: Tokenizer(num_words=-1), "num_words=-1"),
    "filters": (lambda: Tokenizer(filters=5), "filters=5"),
    "filters bytes": (lambda: Tokenizer(filters=b"abc"), "filters=b'abc'"),
    "filters list": (lambda: Tokenizer(filters=[1, 2]), "filters=[1, 2]"),
    "split": (lambda: Tokenizer(split=""), "split=''"),
    "oov_token": (lambda: Tokenizer(oov_token=["a"]), "oov_token=['a']"),
    "analyzer": (lambda: Tokenizer(analyzer="words"), "analyzer='words'"),
    "word sequence": (
        lambda: preprocessing.text.text_to_word_sequence("a b", filters={"a": 1}),
        "filters={'a': 1}",
    ),
    "hashing analyzer": (lambda: preprocessing.text.hashing_trick("a", 9, analyzer=3), "analyzer=3"),
    "maxlen": (lambda: preprocessing.sequence.pad_sequences([[1]], maxlen="3"), "maxlen='3'"),
    "maxlen float": (lambda: preprocessing.sequence.pad_sequences([[1]], maxlen=2.5), "maxlen=2.5"),
    "sampling factor": (
        lambda: preprocessing.sequence.make_sampling_table(9, NAN),
        "sampling_factor=nan",
    ),
    "sampling factor zero": (
        lambda: preprocessing.sequence.make_sampling_table(9, 0),
        "sampling_factor=0",
    ),
    "window": (lambda: skipgrams(window_size=-1), "window_size=-1"),
    "window float": (lambda: skipgrams(window_size=1.5), "window_size=1.5"),
    "negative samples": (lambda: skipgrams(negative_samples=NAN), "negative_samples=nan"),
    "negative samples below": (lambda: skipgrams(negative_samples=-2), "negative_samples=-2"),
    "sequence": (lambda: skipgrams(sequence="abc"), "sequence='abc'"),
    "sequence set": (lambda: skipgrams(sequence={1, 2}), "sequence={1, 2}"),
    "sampling table": (lambda: skipgrams(sampling_table=[0.5]), "`sampling_table` must have a number"),
    "sampling table dict": (lambda: skipgrams(sampling_table={1: 2}), "sampling_table: numbers were"),
    "skipgrams seed": (lambda: skipgrams(seed="a"), "seed='a'"),
    "classes": (lambda: embedcnn.utils.to_categorical([0, 1], NAN), "num_classes=nan"),
    "classes text": (lambda: embedcnn.utils.to_categorical([0, 1], "2"), "num_classes='2'"),
    "ngrams bucket": (lambda: embedcnn.text.ngrams(["a"], bucket=0.5), "bucket=0.5"),
    "ngrams filters": (lambda: embedcnn.text.ngrams(["a"], filters=3), "filters=3"),
    "ngrams n": (lambda: embedcnn.text.ngrams(["a"], n=1 << 70), "n=1180591620717411303424"),
    "subword": (lambda: embedcnn.text.subword_ids(3), "word=3"),
    "subword minn": (lambda: embedcnn.text.subword_ids("a", minn="3"), "minn='3'"),
    "subword maxn": (lambda: embedcnn.text.subword_ids("a", maxn=1 << 70), "maxn=1180591620717411303424"),
}


@pytest.mark.parametrize("case", OF_TEXTS)
def test_of_texts(case):
    call, message = OF_TEXTS[case]
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    assert message in str(caught.value)


def test_classes_as_rows_without_a_square_matrix_of_them():
    rows = embedcnn.utils.to_categorical([[0], [3]], 1 << 20)
    assert rows.shape == (2, 1 << 20) and rows.sum() == 2 and rows[0, 0] == rows[1, 3] == 1


# -- training ------------------------------------------------------------------------------------------------
def fit(**given):
    model = embedcnn.Sequential([embedcnn.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model.fit(**{"x": np.ones((8, 3)), "y": np.ones(8), "verbose": 0, **given})


OF_FIT = {
    "x": ({"x": object()}, "x"),
    "y": ({"y": lambda: 1}, "y"),
    "large x": ({"x": 1 << 70}, "expected arrays of numbers"),
    "split": ({"validation_split": "0.1"}, "validation_split='0.1'"),
    "split empty": ({"validation_split": ()}, "validation_split=()"),
    "split false": ({"validation_split": False}, "validation_split=False"),
    "split beside data": ({"validation_split": 5, "validation_data": (np.ones((8, 3)), np.ones(8))}, "=5"),
    "validation batch": ({"validation_batch_size": 0}, "validation_batch_size=0"),
    "validation batch text": ({"validation_batch_size": "8"}, "validation_batch_size='8'"),
    "validation freq": ({"validation_freq": ["a"]}, "validation_freq='a'"),
    "validation freq zero": ({"validation_freq": [0]}, "validation_freq=0"),
    "steps": ({"steps_per_epoch": 1 << 70}, "steps_per_epoch=1180591620717411303424"),
    "validation steps": ({"validation_steps": 1.5}, "validation_steps=1.5"),
}


@pytest.mark.parametrize("case", OF_FIT)
def test_of_fit(case):
    given, message = OF_FIT[case]
    with pytest.raises((TypeError, ValueError)) as caught:
        fit(**given)
    assert message in str(caught.value)


# -- files, words, models ------------------------------------------------------------------------------------
def net():
    model = embedcnn.Sequential([embedcnn.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


PETS = embedcnn.data.LabelledTexts(["a b", "c d"] * 4, ["x", "y"] * 4)
WRITER = {"text": "the quick fox. " * 9, "embedding_dim": 2, "units": 2}
OF_THE_REST = {
    "empty name": (
        lambda: embedcnn.data.read_labelled(""),
        FileNotFoundError,
        "there is no file or folder ''",
    ),
    "empty name of lines": (lambda: embedcnn.data.CsvDataset(""), FileNotFoundError, "there is no file ''"),
    "encoding": (
        lambda: embedcnn.data.read_text(__file__, encoding="a\0b"),
        ValueError,
        "is not a text encoding",
    ),
    "size limit": (
        lambda: embedcnn.data.read_text(__file__, size_limit="9"),
        ValueError,
        "size_limit='9'",
    ),
    "compression": (
        lambda: embedcnn.data.TextLineDataset(__file__, compression_type=["GZIP"]),
        ValueError,
        "compression_type=['GZIP']",
    ),
    "texts": (lambda: embedcnn.data.LabelledTexts(3, ["a"]), TypeError, "texts=3"),
    "labels": (lambda: embedcnn.data.LabelledTexts(["a"], "a"), TypeError, "labels='a'"),
    "weights": (
        lambda: embedcnn.data.LabelledTexts(["a"], ["b"], weights=["c"]),
        TypeError,
        "weights: numbers",
    ),
    "split seed": (lambda: embedcnn.data.split(PETS, 0.5, seed="a"), ValueError, "seed='a'"),
    "split seed nan": (lambda: embedcnn.data.split(PETS, 0.5, seed=NAN), ValueError, "seed=nan"),
    "seconds": (
        lambda: embedcnn.classifier.train_portfolio(PETS, seconds="9"),
        ValueError,
        "seconds='9'",
    ),
    "writer dropout": (lambda: embedcnn.CharLanguageModel(**WRITER, dropout=()), ValueError, "dropout=()"),
    "writer words": (
        lambda: embedcnn.WordLanguageModel(**WRITER, max_tokens="9"),
        ValueError,
        "max_tokens='9'",
    ),
    "writer frequency": (
        lambda: embedcnn.WordLanguageModel(**WRITER, min_frequency=NAN),
        ValueError,
        "min_frequency=nan",
    ),
    "writer split": (
        lambda: embedcnn.CharLanguageModel(**WRITER).fit(WRITER["text"], validation_split="0.1"),
        ValueError,
        "validation_split='0.1'",
    ),
    "line length": (lambda: net().summary(line_length="80"), ValueError, "line_length='80'"),
    "print_fn": (lambda: net().summary(print_fn="print"), TypeError, "print_fn='print'"),
    "jit": (lambda: net().compile("sgd", "mse", jit_compile="no"), TypeError, "jit_compile='no'"),
    "steps": (
        lambda: net().compile("sgd", "mse", steps_per_execution=0),
        ValueError,
        "steps_per_execution=0",
    ),
    "clone": (lambda: embedcnn.models.clone_model("model"), TypeError, "model='model'"),
    "threads": (lambda: embedcnn.set_num_threads(True), TypeError, "num_threads=True"),
    "many threads": (lambda: embedcnn.set_num_threads(1 << 70), ValueError, "num_threads"),
    "accuracy": (lambda: metrics.get("accuracy"), ValueError, "is chosen by `compile`"),
    "unicode": (
        lambda: embedcnn.fasttext.lines.decoded(b"a", "typo"),
        ValueError,
        "on_unicode_error='typo' is unknown",
    ),
}


@pytest.mark.parametrize("case", OF_THE_REST)
def test_of_the_rest(case):
    call, error, message = OF_THE_REST[case]
    with pytest.raises(error) as caught:
        call()
    assert message in str(caught.value)


def test_a_baseline_of_any_size():
    callback = callbacks.EarlyStopping(baseline=1 << 70)
    assert callback.better(3.0, 1 << 70) is not None
