"""A graph of ONNX while it is written: nodes, each distinct one once, constants and weights, and what is
known of
each tensor.

Sequences are in padded form [B, T, ...] with a mask beside them; what stands at masked steps is anything
until `zeroed` makes zeros of it. tests/reference.py says what each operation means in that form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..graph.nodes import Shape
from ..graph.variables import Variable
from .package import package

LEAST = -3.0e38
"""What no maximum takes where anything else is there, and no sum makes infinite."""


@dataclass(frozen=True)
class Mask:
    """Which steps count: a bool tensor [B, T]; `prefix`: those that do are known to come first."""

    name: str
    prefix: bool = False


@dataclass(frozen=True)
class Value:
    """A tensor of the graph: its name, how many axes it has, and how the core would hold it.

    `steps`: its second axis are the steps of texts; `clean`: masked steps hold zeros; `repeats`: they hold
    what stands at the step before, which is what others see of them; `single`: there is no batch; `dtype`:
    "floats", "ids", or "frame" for what undoes a fold (its name is a shape).
    """

    name: str
    rank: int
    steps: bool = False
    mask: Mask | None = None
    clean: bool = False
    repeats: bool = False
    single: bool = False
    dtype: str = "floats"

    def made(self, name: str, **changes: Any) -> Value:
        """What an operation made of it, under the same mask; masked steps hold anything."""
        return replace(self, **{"name": name, "clean": False, "repeats": False, **changes})


@dataclass
class Graph:
    """Collects nodes and constants; what is asked for twice is made once."""

    opset: int
    nodes: list[Any] = field(default_factory=list)
    weights: list[Any] = field(default_factory=list)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    """The numbers of weights and constants, which export_files.py brings into the file."""
    domains: set[str] = field(default_factory=set)
    onnx: Any = field(default_factory=package)
    scope: str = ""
    """In front of the names of what is made: the layer at work."""
    shapes: list[Shape] = field(default_factory=list)
    """Of what the operation at work reads, where they are known."""
    _known: dict[Any, Any] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)

    # -- names, constants, weights ---------------------------------------------------------------------------
    def unique(self, wanted: str) -> str:
        """A name that nothing has yet."""
        name, number = wanted, 0
        while name in self._names:
            number += 1
            name = f"{wanted}_{number}"
        self._names.add(name)
        return name

    def array(self, value: Any, name: str = "constant") -> str:
        """A constant."""
        array = np.ascontiguousarray(value).reshape(np.shape(value))
        key = (array.dtype.str, array.shape, repr(array.tolist())) if array.size < 64 else id(value)
        if key not in self._known:
            self._known[key] = self._stored(
                name, array, self.onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
            )
            self._known[("kept", key)] = value  # so that no other object gets its id
        return str(self._known[key])

    def _stored(self, name: str, array: np.ndarray, dtype: int) -> str:
        made, helper = self.unique(name), self.onnx.helper
        if dtype == self.onnx.TensorProto.STRING:
            self.weights.append(helper.make_tensor(made, dtype, array.shape, array.ravel().tolist()))
        else:
            self.weights.append(self.onnx.TensorProto(name=made, data_type=dtype, dims=array.shape))
            self.arrays[made] = array
        return made

    def ints(self, *values: int) -> str:
        """A vector of whole numbers."""
        return self.array(np.array(values, np.int64))

    def whole(self, value: int) -> str:
        """A whole number."""
        return self.array(np.array(value, np.int64))

    def number(self, value: float) -> str:
        """A number."""
        return self.array(np.array(value, np.float32))

    def weight(self, variable: Variable, form: str = "", array: np.ndarray | None = None) -> str:
        """A weight of the model by its path; `array` is it in another layout, which `form` names."""
        key: tuple[Any, ...] = (id(variable), form)
        if array is not None:  # a weight may be shared, and two layers may want it in two layouts
            array = np.ascontiguousarray(array, np.float32)
            key = (*key, array.shape, hash(array.tobytes()))
        if key not in self._known:
            value = variable.value if array is None else array
            value = value if value.dtype == np.float32 else np.asarray(variable, np.float32)
            name = variable.path + (f"/{form}" if form else "")
            self._known[key] = self._stored(name, value, self.onnx.TensorProto.FLOAT)
        return str(self._known[key])

    def stored_table(self, variable: Any) -> tuple[str, str | None]:
        """The rows of a table as they are stored, and of int8 their scales [rows, 1]."""
        key = (id(variable), "stored")
        if key not in self._known:
            dtypes = {
                "float16": self.onnx.TensorProto.FLOAT16,
                "bfloat16": self.onnx.TensorProto.BFLOAT16,
                "int8": self.onnx.TensorProto.INT8,
            }
            rows = self._stored(variable.path, variable.value, dtypes[variable.dtype])
            scales = getattr(variable, "scales", None)
            beside = None if scales is None else self.array(scales[:, None], f"{variable.path}/scales")
            self._known[key] = rows, beside
        found: tuple[str, str | None] = self._known[key]
        return found

    # -- nodes -----------------------------------------------------------------------------------------------
    def nodes_of(
        self, op: str, inputs: Sequence[str], count: int, domain: str = "", **attributes: Any
    ) -> list[str]:
        """A node with several outputs; returns their names."""
        key = (op, tuple(inputs), count, domain, repr(sorted(attributes.items())))
        if key not in self._known:
            outputs = [self.unique(f"{self.scope}/{op}") for _ in range(count)]
            self.domains.add(domain)
            self.nodes.append(
                self.onnx.helper.make_node(op, inputs, outputs, outputs[0], domain=domain, **attributes)
            )
            self._known[key] = outputs
        return list(self._known[key])

    def node(self, op: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """A node with one output; returns its name."""
        return self.nodes_of(op, inputs, 1, domain, **attributes)[0]

    def reduced(self, op: str, name: str, axes: Sequence[int], keepdims: bool = False) -> str:
        """ReduceSum, ReduceMax ... along axes."""
        return self.node(op, name, self.ints(*axes), keepdims=int(keepdims)) if axes else name

    def cast(self, name: str, dtype: str) -> str:
        """The values as "float", "int64", "int32", "uint64" or "bool"."""
        return self.node("Cast", name, to=getattr(self.onnx.TensorProto, dtype.upper()))

    def unsqueezed(self, name: str, *axes: int) -> str:
        return self.node("Unsqueeze", name, self.ints(*axes)) if axes else name

    def size(self, name: str, axis: int) -> str:
        """How long an axis is: a vector of one number."""
        return self.node("Shape", name, start=axis, end=axis + 1)

    def scalar_size(self, name: str, axis: int) -> str:
        return self.node("Squeeze", self.size(name, axis))

    def joined(self, *vectors: str) -> str:
        """Vectors of sizes, one behind the other."""
        return self.node("Concat", *vectors, axis=0)

    def reshaped(self, name: str, *sizes: int) -> str:
        """0: the size as it is; -1: what is left."""
        return self.node("Reshape", name, self.ints(*sizes))

    def sliced(self, name: str, axis: int, start: str | int, stop: str | int) -> str:
        bounds = [self.ints(one) if isinstance(one, int) else one for one in (start, stop)]
        return self.node("Slice", name, *bounds, self.ints(axis))

    def padded(
        self, name: str, rank: int, axis: int, before: int, behind: str | int, value: str | None = None
    ) -> str:
        """With zeros, or `value`, before and behind along an axis; `behind` may be computed.

        Pads of all axes are given, though ONNX can leave some out: onnxruntime 1.32 moves a Transpose over a
        Pad wrongly that has `axes`.
        """
        if isinstance(behind, int):
            both = [0] * axis + [before] + [0] * (rank - 1) + [behind] + [0] * (rank - 1 - axis)
            return self.node("Pad", name, self.ints(*both), *([value] if value else []))
        first = self.ints(*[0] * axis, before, *[0] * (rank - 1))
        rest = [self.ints(*[0] * (rank - 1 - axis))] if axis < rank - 1 else []
        return self.node("Pad", name, self.joined(first, behind, *rest), *([value] if value else []))

    # -- masks -----------------------------------------------------------------------------------------------
    def beside(self, mask: Mask, rank: int) -> str:
        """A mask [B, T] with an axis of 1 for each further one of a tensor."""
        return self.unsqueezed(mask.name, *range(2, rank))

    def filled(self, x: Value, fill: float) -> str:
        """The values with a number at masked steps."""
        if x.mask is None or (fill == 0.0 and x.clean):
            return x.name
        return self.node("Where", self.beside(x.mask, x.rank), x.name, self.number(fill))

    def zeroed(self, x: Value) -> str:
        """The values with zeros at masked steps."""
        return self.filled(x, 0.0)

    def shown(self, x: Value) -> str:
        """The padded form that others than operations see: outputs, and what moves steps."""
        return x.name if x.repeats else self.zeroed(x)

    def lengthened(self, x: Value, length: int) -> str:
        """Zeros at masked steps, and behind the last up to a length: that of a model where texts may be
        shorter.
        """
        name = self.zeroed(x)
        if x.mask is None or length < 1:
            return name
        return self.padded(name, x.rank, 1, 0, self.node("Sub", self.ints(length), self.size(name, 1)))

    def counts(self, mask: Mask) -> str:
        """How many steps of each text count: [B]."""
        return self.reduced("ReduceSum", self.cast(mask.name, "int64"), [1])
