"""Variables: the weights of layers, and the count of changes that compiled programs watch.

A variable's value is a float32 array in Keras's layout that programs read and write in place. An array that
belongs to somebody else (a matrix given by the user, a snapshot) is shared until a step, or `assign`, would
write to it: then it is copied. Whatever changes which arrays a program must hold, or which of them it trains,
raises `structure.version`; programs compare that one integer before each step, so that `trainable` and
replaced arrays take effect at the next step.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Sequence
from operator import setitem
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base.arrays import aligned_copy, numbers
from ..base.mapped_pages import check_pages, pages_of
from . import tracing
from .operators import Operators

if TYPE_CHECKING:
    from ..constraints import Constraint
    from ..layers.base import Layer
    from ..regularizers import Regularizer


class Structure:
    """Numbers the changes that make programs bind their variables again."""

    version = 0


structure = Structure()
_versions = itertools.count(1)


def mark_changed() -> None:
    """Tells all programs to bind their variables again before their next step."""
    structure.version = next(_versions)  # no number comes twice: changes of two threads never look like none


class Variable(Operators):
    """A weight of a layer: `name`, `shape`, `numpy()`, `assign(value)`. As keras.Variable, float32 only.

    Formulas of weights and symbolic tensors, `x * weight + 1`, are symbolic; with arrays they are arrays.

    >>> import embedcnn
    >>> layer = embedcnn.layers.Dense(2)
    >>> _ = layer(embedcnn.Input((3,)))
    >>> layer.kernel.path.endswith("/kernel"), layer.kernel.shape
    (True, (3, 2))
    """

    masters: np.ndarray | None = None  # of a table of fewer bits, see stored.py
    __slots__ = (
        "__weakref__",
        "constraint",
        "inner",
        "layer",
        "name",
        "regularizer",
        "row_learns",
        "shared",
        "successor",
        "tracked",
        "_value",
    )

    def __init__(
        self, name: str, value: np.ndarray, layer: Layer, shared: bool = False, tracked: bool = False
    ) -> None:
        self.name = name
        self.value = value
        self.layer = layer
        self.inner: tuple[Layer, ...] = ()  # layers inside `layer` that hold it too (wrapping.py)
        self.shared = shared
        self.regularizer: Regularizer | None = None
        self.constraint: Constraint | None = None
        self.row_learns: np.ndarray | None = None  # of a table: uint8, 0 where a row rests; None: all learn
        self.successor: Variable | None = None  # what a table became that was converted to another dtype
        self.tracked = tracked  # a moving statistic: written by training, but without a gradient

    @property
    def value(self) -> np.ndarray:
        """The array; ValueError where it lies in a mapped file that another process has cut short."""
        array = self._value
        if array.base is not None and (pages := pages_of(array)) is not None:
            check_pages(self.path, pages)
        return array

    @value.setter
    def value(self, array: np.ndarray) -> None:
        self._value = array

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        return self._value.shape

    @property
    def dtype(self) -> str:
        """Always "float32"."""
        return "float32"

    @property
    def path(self) -> str:
        """The names of layer and variable: "dense/kernel"."""
        return f"{self.layer.name}/{self.name}"

    @property
    def trainable(self) -> bool:
        """Whether it learns: it can, and so can the layers that hold it."""
        return not self.tracked and all(layer.trainable for layer in (self.layer, *self.inner))

    @property
    def size(self) -> int:
        """How many numbers the variable holds."""
        return self._value.size

    def latest(self) -> Variable:
        """The variable, or what it was converted to."""
        found = self
        while found.successor is not None:
            found = found.successor
        return found

    @property
    def nbytes(self) -> int:
        """The memory of the value."""
        return self._value.nbytes

    @property
    def learning_size(self) -> int:
        """How many of its numbers learn: none of a frozen layer, of a table those of the rows that learn."""
        if not self.trainable or self.row_learns is None:
            return self.size if self.trainable else 0
        return int(np.count_nonzero(self.row_learns)) * (self.size // self.shape[0])

    def numpy(self) -> np.ndarray:
        """A copy of the value."""
        return self.value.copy()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.value, dtype=dtype or np.float32)

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, dtype=float32>"

    def assign(self, value: Any) -> Variable:
        """Copies `value` into the variable; ValueError unless it has the variable's shape and finite-width
        numbers.
        """
        self.refuse_in_call("assign")
        array = numbers(f"{self.path}", value)
        if array.shape != self.shape:
            raise ValueError(
                f"The shape of {self.path} is {self.shape}. Received a value of shape {array.shape}"
            )
        if self.shared:
            self.replace(aligned_copy(array.astype(np.float32, copy=False), scattered=True))
        else:
            self.value[...] = array
        return self

    def assign_add(self, value: Any) -> Variable:
        """Adds `value`; as `assign` raises. As keras.Variable.assign_add."""
        self.refuse_in_call("assign_add")
        return self.assign(self.numpy() + numbers(f"{self.path}", value))

    def assign_sub(self, value: Any) -> Variable:
        """Subtracts `value`; as `assign` raises. As keras.Variable.assign_sub."""
        self.refuse_in_call("assign_sub")
        return self.assign(self.numpy() - numbers(f"{self.path}", value))

    def refuse_in_call(self, method: str) -> None:
        """TypeError while a `call` is traced: it runs once, so a weight would be written once."""
        if tracing.active() and not tracing.builds():
            raise TypeError(
                f"{self.path}.{method} within `call`: it is run once, on symbolic tensors, and what it does "
                "with them becomes a part of the graph, so the weight would be written once and never again. "
                "Assign in a callback or between steps, or write a Layer in Python (`forward`, `backward`)"
            )

    def replace(self, array: np.ndarray, shared: bool = False) -> None:
        """Puts another array (float32, C-contiguous) in the place of the value."""
        mark_changed()  # before too: a signal may come between
        self.value = array
        self.shared = shared
        mark_changed()

    def own(self) -> np.ndarray:
        """The value, after copying it if it is shared: call before writing in place."""
        if self.shared or not self.value.flags.writeable:
            self.replace(aligned_copy(self.value, scattered=True))
        return self.value

    def read(self) -> np.ndarray:
        """The numbers in float32: the value itself where it is that, so nobody may write to it."""
        return self.value

    def learnt(self, rows: np.ndarray) -> np.ndarray:
        """The numbers of some rows that an update goes on from, in float32."""
        return self.value[rows]

    def refuse_unfit(self, array: np.ndarray, name: str | None = None) -> None:
        """ValueError for numbers that the value cannot hold (stored.py); float32 holds all."""

    def as_stored(self, array: np.ndarray) -> np.ndarray:
        """Numbers as the value keeps them (stored.py has tables of fewer bits)."""
        return array

    def as_rows(self, rows: np.ndarray) -> np.ndarray:
        """Some rows in float32 as the value keeps them."""
        return rows

    def of_rows(self, rows: np.ndarray) -> np.ndarray:
        """Some rows as the value keeps them in float32."""
        return rows

    def forget_masters(self) -> None:
        """What is kept of the rows beside the value, as that is about to be replaced (stored.py)."""

    def in_core(self, learns: bool) -> Any:
        """How the core finds the rows of a table of fewer bits; None: they are the value."""
        return None

    def with_rows(self, rows: np.ndarray) -> None:
        """Adds rows behind a table."""
        self.replace(np.concatenate([self.value, rows]))

    def snapshot(self) -> np.ndarray:
        """The present value, safe from later steps: a copy, or the array itself (then shared) while it is
        frozen.
        """
        if self.layer.trainable:
            return self.value.copy()
        if not self.shared:
            self.shared = True
            mark_changed()
        return self.value


def assign_all(variables: Iterable[Variable], arrays: Iterable[np.ndarray]) -> None:
    """Copies arrays of the right shapes into variables: into all or, where a signal comes, into none;
    ValueError before anything is changed where a table of fewer bits cannot hold a number.
    """
    given = list(zip(variables, arrays, strict=False))
    for variable, array in given:
        variable.refuse_unfit(array)
    pairs = [(variable, variable.as_stored(array)) for variable, array in given]
    owned = [variable.own() for variable, _ in pairs]
    set_items(owned, itertools.repeat(Ellipsis), [array for _, array in pairs])


def assign_numbers(variables: Sequence[Variable], values: Sequence[Any]) -> None:
    """Copies numbers into as many variables; ValueError that names variable and shapes where they differ."""
    for variable, value in zip(variables, values, strict=True):
        if np.shape(value) != variable.shape:
            raise ValueError(
                f"The shape of {variable.path} is {variable.shape}. Received a value of shape "
                f"{np.shape(value)}"
            )
    named = zip(variables, values, strict=True)
    arrays = [numbers(variable.path, value) for variable, value in named]
    assign_all(variables, [array.astype(np.float32, copy=False) for array in arrays])


def replace_all(variables: Sequence[Variable], arrays: Iterable[np.ndarray]) -> None:
    """Puts shared arrays in the place of all values or, where a signal comes, of none."""
    for variable in variables:
        variable.shared = True
    mark_changed()
    deque(map(vars(Variable)["_value"].__set__, variables, arrays), maxlen=0)  # of the slot
    mark_changed()


def set_items(containers: Iterable[Any], keys: Iterable[Any], values: Iterable[Any]) -> None:
    """Does container[key] = value one after the other, in one call of C: no signal's handler runs between."""
    deque(map(setitem, containers, keys, values), maxlen=0)
