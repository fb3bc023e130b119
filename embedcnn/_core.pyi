"""Types of the C core, one section for each file of csrc/python. No stable interface: use the package."""

from collections.abc import Callable, Sequence
from mmap import mmap
from typing import Any, Literal, TypeAlias, final

import numpy as np
import numpy.typing as npt

# runtime.c: threads, precision, instruction sets, the build

def set_num_threads(num_threads: int, /) -> None: ...
def set_thread_limit(limit: int, /) -> None: ...
def get_num_threads() -> int: ...
def free_kept_memory() -> int: ...
def set_float32_matmul_precision(precision: str, /) -> None: ...
def get_float32_matmul_precision() -> str: ...
def number_formats() -> dict[str, str]: ...
def build_info() -> dict[str, Any]: ...
def kernels() -> dict[str, Any]: ...
def select_kernels(name: str, /) -> None: ...
def _set_spin_ns(nanoseconds: int, /) -> None: ...
def _set_least_work(operations: int, /) -> None: ...
def _memory_fail_at(number: int, forever: bool, /) -> int: ...

# operations.c: what is true of each operation

def operations() -> dict[str, dict[str, Any]]: ...

# access.c: who may use a model at the same time

@final
class Lease:
    def __enter__(self) -> None: ...
    def __exit__(self, *exc_info: object) -> None: ...

@final
class Access:
    def __new__(cls, name: str, limit: int) -> Access: ...
    @property
    def limit(self) -> int: ...
    @property
    def waiting(self) -> int: ...
    def training(self) -> Lease: ...
    def changing(self) -> Lease: ...
    def reading(self) -> Lease: ...

# images.c: images as arrays, outside of any program

def resize_images(
    images: npt.ArrayLike, height: int, width: int, interpolation: str, antialias: bool, /
) -> npt.NDArray[np.float32]: ...

# program.c, program_spec.c, program_inputs.c, program_gradients.c: a lowered model

_Floats: TypeAlias = npt.NDArray[np.float32]
_LossFunction: TypeAlias = Callable[  # predictions, masks, penalty; (losses, gradients), scale of penalties
    [tuple[_Floats, ...], tuple[npt.NDArray[np.bool_] | None, ...], float],
    tuple[list[tuple[np.ndarray, np.ndarray]], float],
]
_Table: TypeAlias = tuple[npt.NDArray[np.int32], _Floats]  # distinct rows, and the gradient of each

@final
class StepResult(tuple[Any, ...]):
    """What train_step, gradient_step and test_step return."""

    __match_args__ = ("losses", "weights_total", "correct", "outputs")
    n_fields: int
    n_sequence_fields: int
    n_unnamed_fields: int
    @property
    def losses(self) -> tuple[float, ...]: ...
    @property
    def weights_total(self) -> float: ...
    @property
    def correct(self) -> tuple[int, ...]: ...
    @property
    def outputs(self) -> list[_Floats] | None: ...

@final
class Program:
    def __new__(
        cls,
        inputs: list[tuple[str, Literal["int32", "float32"], int | None, tuple[int, ...]]],
        parameters: list[tuple[str, tuple[int, ...]]],
        operations: list[tuple[Any, ...]],
        outputs: tuple[int, ...],
        seed: int = 0,
        input_gradients: bool = False,
    ) -> Program: ...
    @property
    def shapes(self) -> list[tuple[str, int | None, tuple[int, ...]]]: ...
    @property
    def learning(self) -> list[int]: ...
    @property
    def penalty(self) -> float: ...
    @property
    def weight_penalty(self) -> float: ...
    @property
    def output_masks(self) -> list[np.ndarray | None]: ...
    @property
    def loss_sums(self) -> tuple[tuple[float, float, float, float], ...]: ...
    @property
    def costs(self) -> tuple[tuple[tuple[int, int, int, float], ...], int, int]: ...
    @property
    def workspace_bytes(self) -> int: ...
    @property
    def step_bytes(self) -> int: ...
    def set_timed(self, timed: bool, /) -> None: ...
    def bind(
        self,
        number: int,
        value: _Floats | None,
        trainable: bool,
        slots: list[_Floats],
        steps: npt.NDArray[np.int64],
        tracked: bool = False,
        rules: dict[str, float | str] | None = None,
        average: _Floats | None = None,
        accumulator: _Floats | None = None,
        touched: npt.NDArray[np.uint8] | None = None,
        moves: npt.NDArray[np.int64] | None = None,
        row_learns: npt.NDArray[np.uint8] | None = None,
        stored: tuple[str, npt.NDArray[Any], npt.NDArray[np.float32] | None, npt.NDArray[np.uint8] | None]
        | None = None,
    ) -> None: ...
    def set_function(
        self, operation: int, forward: Callable[..., Any], backward: Callable[..., Any], /
    ) -> None: ...
    def set_optimizer(
        self,
        name: str,  # "sgd", "adam", "rmsprop", "adagrad", "adadelta", "adamax" or "nadam"
        /,
        **settings: float | str,
    ) -> None: ...
    def forward(self, inputs: Sequence[Any], training: bool = False, step: int = 0) -> list[_Floats]: ...
    def backward(self, d_outputs: Sequence[_Floats], /) -> None: ...
    def train_step(
        self,
        inputs: Sequence[Any],
        targets: Sequence[np.ndarray],
        sample_weight: _Floats | tuple[_Floats | None, ...] | None,
        learning_rate: float,
        step: int | npt.NDArray[np.int64],
        want_outputs: bool = False,
        loss_function: _LossFunction | None = None,
    ) -> StepResult: ...
    def gradient_step(
        self,
        inputs: Sequence[Any],
        targets: Sequence[np.ndarray],
        sample_weight: _Floats | tuple[_Floats | None, ...] | None,
        step: int,
        want_outputs: bool = False,
        loss_function: _LossFunction | None = None,
        whole: Callable[[list[float]], list[float]] | None = None,
    ) -> StepResult: ...
    def update(
        self,
        gradients: list[_Floats | _Table | None],
        learning_rate: float,
        step: int | npt.NDArray[np.int64],
        penalties: bool = False,
    ) -> None: ...
    def test_step(
        self,
        inputs: Sequence[Any],
        targets: Sequence[np.ndarray],
        sample_weight: _Floats | tuple[_Floats | None, ...] | None,
        want_outputs: bool = False,
        loss_function: _LossFunction | None = None,
        whole: Callable[[list[float]], list[float]] | None = None,
    ) -> StepResult: ...
    def gradient(self, number: int, /) -> _Floats | _Table: ...
    def gradient_into(self, number: int, out: _Floats, /) -> None: ...
    def input_gradient(self, number: int, /) -> _Floats: ...

# tensors.c: operations on plain arrays, for embedcnn.torch

def gather_rows(table: _Floats, ids: npt.NDArray[Any], /) -> _Floats: ...
def sum_rows(
    ids: npt.NDArray[Any], rows: _Floats, limit: int, skip: int, by_frequency: bool, /
) -> tuple[npt.NDArray[np.int64], _Floats]: ...
def convolve(x: _Floats, weight: _Floats, bias: _Floats | None, /) -> _Floats: ...
def convolve_backward(
    d_out: _Floats, x: _Floats, weight: _Floats, wants_x: bool, wants_weight: bool, wants_bias: bool, /
) -> tuple[_Floats | None, _Floats | None, _Floats | None]: ...

# text.c, text_rules.c: texts to words and ids

@final
class TextRules:
    def __new__(
        cls, split: str, lower: str, stops: str, drops: str, alone: str = "", extend: str = ""
    ) -> TextRules: ...
    def tokens(self, texts: Sequence[str | list[str]], first: int = 0, /) -> list[list[str]]: ...

@final
class WordTable:
    def __new__(
        cls,
        words: Sequence[str] = (),
        counts: npt.ArrayLike | None = None,
        documents: npt.ArrayLike | None = None,
    ) -> WordTable: ...
    def __len__(self) -> int: ...
    def count(self, texts: Sequence[Any], rules: TextRules, first: int = 0, /) -> bool: ...
    def encode(
        self,
        texts: Sequence[Any],
        rules: TextRules,
        ids: npt.NDArray[np.int32],
        unknown: int,
        first: int = 0,
        /,
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]] | None: ...
    def counts(self) -> npt.NDArray[np.int64]: ...
    def documents(self) -> npt.NDArray[np.int64]: ...
    def words(self, order: npt.NDArray[np.int32] = ...) -> list[str]: ...
    def order(self) -> npt.NDArray[np.int32]: ...

# text_sequence.c: ids to matrices, rows and lists

def pad_ragged(
    ids: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    width: int,
    pad_after: bool,
    truncate_last: bool,
    value: int,
    /,
) -> npt.NDArray[np.int32]: ...
def gather_ragged(
    ids: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], /
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]: ...
def ragged_lists(ids: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64], /) -> list[list[int]]: ...
def longest_row(rows: tuple[Any, ...], /) -> int | None: ...
def pad_rows(out: np.ndarray, rows: tuple[Any, ...], pad_after: bool, truncate_last: bool, /) -> None: ...

# text_ngram.c: hashed n-grams

def subwords(word: str, minn: int, maxn: int, bucket: int, /) -> npt.NDArray[np.int32]: ...
def word_hash(word: str, /) -> int: ...
def ngrams(
    texts: Sequence[Any], rules: TextRules, n: int, bucket: int, first: int = 0, /
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]] | None: ...

# text_records.c: blocks of lines to texts

def record_texts(
    block: bytes, names: tuple[bytes, ...] | None, /
) -> tuple[list[str | None], npt.NDArray[np.int64]]: ...

# bags_features.c, bags_census.c: bags of n-grams

_Bags: TypeAlias = tuple[
    npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.float32]
]  # offsets, ids, counts
_BagState: TypeAlias = tuple[
    int,
    npt.NDArray[np.uint8],
    npt.NDArray[np.int64],
    list[npt.NDArray[np.int32]],
    npt.NDArray[np.uint8],
    npt.NDArray[np.int64],
]

@final
class BagFeatures:
    def __new__(
        cls,
        rules: TextRules,
        words: tuple[int, int],
        chars: tuple[int, int],
        drops_breaks: bool,
        buckets: int = 0,
        state: _BagState | None = None,
    ) -> BagFeatures: ...
    def read(self, texts: Sequence[Any], first: int = 0, /) -> _Bags | None: ...
    def kinds(self) -> list[tuple[int, int, int]]: ...

@final
class BagCensus:
    def __new__(
        cls,
        rules: TextRules,
        words: tuple[int, int],
        chars: tuple[int, int],
        drops_breaks: bool,
        keeps: bool,
    ) -> BagCensus: ...
    def add(self, texts: Sequence[Any], first: int = 0, /) -> bool: ...
    def kept_bytes(self) -> int: ...
    def take(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]: ...
    def rank(self, min_count: int, max_features: int, /) -> _BagState: ...
    def bags(
        self, codes: npt.NDArray[np.int32] | None = ..., ends: npt.NDArray[np.int64] | None = ..., /
    ) -> _Bags: ...

# bags_scores.c: texts to margins of linear models over n-grams

def bag_scores(
    features: BagFeatures,
    texts: Sequence[Any],
    table: npt.NDArray[np.float32],
    bias: npt.NDArray[np.float32],
    parts: Sequence[tuple[int, int, int, bool]],
    first: int = 0,
    /,
) -> npt.NDArray[np.float32] | None: ...

# vectors.c: files of vectors

_Words: TypeAlias = tuple[
    npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint8]
]  # slots, offsets, blob

@final
class VectorReader:
    def __init__(
        self,
        dimensions: int,
        limit: int,
        first_line: int,
        wanted: _Words | None,
        binary: bool,
        half: bool,
        skip: bool,
        duplicates: int,
        unicode: int,
    ) -> None: ...
    def room(self) -> int: ...
    def fill(self, descriptor: int, offset: int, /) -> int: ...
    def write(self, data: bytes | bytearray | memoryview, /) -> None: ...
    def expect(self, words: int, /) -> None: ...
    def parse(self, final: bool, /) -> int: ...
    def store(self, matrix: npt.NDArray[Any], /) -> None: ...
    def state(self) -> dict[str, Any]: ...
    def take_words(self) -> _Words: ...

# vectors_index.c: words to rows, checksums

def word_index_build(words: Sequence[str | bytes], /) -> tuple[_Words, npt.NDArray[np.int64]]: ...
def word_index_get(arrays: _Words, word: str, /) -> int: ...
def word_index_find(arrays: _Words, words: Sequence[str | bytes], /) -> npt.NDArray[np.int64]: ...
def word_index_words(arrays: _Words, begin: int, end: int, /) -> list[str]: ...
def checksum(data: bytes | bytearray | memoryview | npt.NDArray[Any], /) -> int: ...

# vectors_fasttext.c: dictionary and n-grams of fastText's .bin

def fasttext_entries(
    data: bytes | bytearray | memoryview, most: int, /
) -> tuple[int, list[tuple[bytes, int]]]: ...
def fasttext_subwords(word: str | bytes, settings: tuple[int, int, int, int], /) -> npt.NDArray[np.int64]: ...
def fasttext_compose(matrix: _Floats, arrays: _Words, subwords: tuple[int, int, int, int], /) -> None: ...

# bags_arrays.c: bags of n-grams, checked

_Matrix: TypeAlias = npt.NDArray[np.float32]

def bag_documents(
    offsets: npt.NDArray[np.int64],
    ids: npt.NDArray[np.int32],
    counts: npt.NDArray[np.float32],
    size: int,
    /,
) -> Any: ...

# bags_weights.c: what features of bags are worth

def bag_frequencies(documents: Any, amounts: _Matrix | None, /) -> npt.NDArray[np.float64]: ...
def bag_values(
    documents: Any, sublinear: bool, scale: npt.NDArray[np.float32], norm: bool, /
) -> npt.NDArray[np.float32]: ...
def bag_margins(
    documents: Any,
    sublinear: bool,
    folded: _Matrix,
    squares: _Matrix | None,
    bias: npt.NDArray[np.float32],
    /,
) -> _Matrix: ...

# bags_dual_descent.c: linear models by dual coordinate descent

def dual_descent(
    documents: Any,
    targets: _Matrix | tuple[npt.NDArray[np.int32], int],
    importance: npt.NDArray[np.float32] | None,
    folds: npt.NDArray[np.int32] | None,
    fold_count: int,
    parts: list[tuple[Any, ...]],
    /,
) -> list[tuple[int, float]]: ...

# bags_product_form.c: fastText's classifier on bags

def product_epoch(
    documents: Any,
    order: npt.NDArray[np.int32],
    targets: _Matrix | tuple[npt.NDArray[np.int32], int],
    importance: npt.NDArray[np.float32] | None,
    of_class: npt.NDArray[np.float64],
    of_rest: npt.NDArray[np.float64],
    softmax: bool,
    first_rate: float,
    last_rate: float,
    features: float,
    batch: int,
    rows: _Matrix,
    output: _Matrix,
    width: int,
    /,
) -> float: ...

# fasttext.c, fasttext_predict.c: fastText's models

_Bytes: TypeAlias = bytes | bytearray | memoryview | mmap

@final
class Phrases:
    def __new__(cls, delimiter: bytes, connectors: _Bytes, most_words: int, scored: bool) -> Phrases: ...
    def count(self, text: _Bytes, /) -> int: ...
    def merge(self, other: Phrases, /) -> None: ...
    def join(
        self,
        text: _Bytes,
        min_count: float,
        threshold: float,
        scoring: int | Callable[[int, int, int, int, float, int], float],
        /,
    ) -> tuple[bytes, npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]: ...
    def export(
        self,
        found: Phrases,
        min_count: float,
        threshold: float,
        scoring: int | Callable[[int, int, int, int, float, int], float],
        /,
    ) -> None: ...
    def entries(self) -> tuple[bytes, npt.NDArray[np.int64] | npt.NDArray[np.float64]]: ...
    def restore(
        self,
        words: _Bytes,
        values: npt.NDArray[np.int64] | npt.NDArray[np.float64],
        tokens: int,
        prunes: int,
        /,
    ) -> None: ...
    def sizes(self) -> tuple[int, int, int]: ...

@final
class FastTextCorpus:
    def __new__(
        cls,
        text: _Bytes,
        label: bytes,
        min_count: int,
        min_count_label: int,
        words: npt.NDArray[np.uint8] | None = None,
        word_ends: npt.NDArray[np.int64] | None = None,
        threads: int = 0,
    ) -> FastTextCorpus: ...
    def sizes(self) -> tuple[int, int, int]: ...
    def dictionary(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]]: ...
    def section(self) -> bytes: ...
    def lines(
        self, chars: tuple[int, int], word_ngrams: int, buckets: int, pairs: bool, /
    ) -> tuple[
        npt.NDArray[np.int32],
        npt.NDArray[np.int64],
        npt.NDArray[np.int32],
        npt.NDArray[np.float32] | None,
        npt.NDArray[np.int64],
        npt.NDArray[np.int32],
    ]: ...
    def train(
        self,
        rows: npt.NDArray[np.float32],
        output: npt.NDArray[np.float32],
        chars: tuple[int, int],
        word_ngrams: int,
        buckets: int,
        loss: int,
        negatives: int,
        rate: float,
        rate_tokens: int,
        epochs: int,
        seed: int,
        importance: npt.NDArray[np.float32] | None,
        threads: int,
        watch: Callable[[int, int, float, float], Any] | None,
        /,
    ) -> tuple[bool, float]: ...
    def train_words(
        self,
        rows: npt.NDArray[np.float32],
        output: npt.NDArray[np.float32],
        width: int,
        chars: tuple[int, int],
        buckets: int,
        bags: bool,
        tree: bool,
        window: int,
        negatives: int,
        exponent: float,
        sample: float,
        rate: float,
        least_rate: float,
        epochs: int,
        seed: int,
        threads: int,
        watch: Callable[[int, int, float, float], Any] | None,
        /,
    ) -> tuple[bool, float]: ...

def fasttext_train(
    rows: npt.NDArray[np.float32],
    output: npt.NDArray[np.float32],
    ids: npt.NDArray[np.int32],
    id_ends: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int32],
    label_ends: npt.NDArray[np.int64],
    label_counts: npt.NDArray[np.int64],
    loss: int,
    negatives: int,
    rate: float,
    rate_tokens: int,
    epochs: int,
    seed: int,
    threads: int,
    watch: Callable[[int, int, float, float], Any] | None,
    /,
) -> tuple[bool, float]: ...
def fasttext_randomise(rows: npt.NDArray[np.float32], width: int, seed: int, threads: int, /) -> None: ...

@final
class FastTextModel:
    def __new__(
        cls,
        data: _Bytes,
        input: npt.NDArray[np.float32] | _Bytes | None = None,
        output: npt.NDArray[np.float32] | _Bytes | None = None,
        *,
        label: bytes = ...,
        fold: int = ...,
    ) -> FastTextModel: ...
    def settings(self) -> dict[str, Any]: ...
    def facts(self) -> dict[str, Any]: ...
    def folded(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]: ...
    def entries(self, begin: int, end: int, /) -> tuple[list[bytes], npt.NDArray[np.int64]]: ...
    def find(self, word: bytes, /) -> int: ...
    def line(
        self, text: _Bytes, kind: int, /
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], int, int]: ...
    def characters(self, word: bytes, /) -> npt.NDArray[np.int32]: ...
    def mean(self, rows: npt.NDArray[np.int32], /) -> npt.NDArray[np.float32]: ...
    def gram_row(self, gram: bytes, /) -> int: ...
    def word_vector(self, word: bytes, /) -> npt.NDArray[np.float32]: ...
    def word_vectors(self) -> npt.NDArray[np.float32]: ...
    def lines(
        self, text: _Bytes, /
    ) -> tuple[
        npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int64]
    ]: ...
    def measure(self, text: _Bytes, k: int, threshold: float, /) -> tuple[int, npt.NDArray[np.int64]]: ...
    def predict(
        self, texts: Sequence[str], k: int, threshold: float, names: list[str], /
    ) -> tuple[list[list[str]], list[npt.NDArray[np.float32]]]: ...
    def predict_spans(
        self, data: _Bytes, spans: npt.NDArray[np.int64], k: int, threshold: float, /
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32], npt.NDArray[np.int64]]: ...

def fasttext_quantise(
    rows: npt.NDArray[np.float32], part: int, seed: int, /
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]: ...
