"""load_onnx: a graph of ONNX, node by node in its order, as a Model of our layers and operations.

A value is known while the graph is read (an array; sizes of tensors too, as Shape and what is computed of
it), or it is a View of a symbolic tensor. Nodes of known values are computed at once; the others are handed
to the function of their operation in HANDLERS, which the modules beside this one fill.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import layers
from .import_file import array_of, onnx_module
from .import_layout import View, laid_out, plain
from .import_regions import reads, simplified
from .import_sizes import AnySize, Size, named
from .import_values import Filled, Stack, filled

HANDLERS: dict[str, Callable[..., Any]] = {}
"""By the name of the operation: `(graph, node, *inputs)` to its value, or a list of its values."""
KNOWN: dict[str, Callable[..., Any]] = {}
"""The same for nodes all of whose inputs are arrays, where not onnx.reference computes them."""

OF_STACKS = frozenset({"Concat", "GRU", "Gather", "Identity", "LSTM", "RNN", "Shape", "Slice", "Squeeze"})
"""Operations that know what to do with a Stack; the others get one tensor."""


OF_EXAMPLES = frozenset({"AveragePool", "Conv", "CumSum", "GatherND", "MaxPool", "TopK"})
"""Operations that do the same to each example, whatever the others are."""

CONSTANTS = (Filled, np.ndarray, type(None))


def handles(*names: str, known: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enters a function for these operations; `known`: for arrays too, instead of onnx.reference."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        HANDLERS.update(dict.fromkeys(names, function))
        if known:
            KNOWN.update(dict.fromkeys(names, function))
        return function

    return enter


@dataclass
class Node:
    """A node of the graph: its operation, its names, and its attributes as Python has them."""

    proto: Any
    operation: str
    name: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]
    handler: Callable[..., Any] | None = None
    """What makes it, instead of that of its operation: it stands for a part of the graph."""

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute; text as str."""
        value = self.attributes.get(name, default)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


class Graph:
    """What is known of a graph while it is read."""

    def __init__(
        self,
        path: Any,
        proto: Any,
        input_shapes: Mapping[str, Sequence[int | None]],
        model: Callable[..., Any],
    ) -> None:
        self.model = model
        """What makes a model of inputs and outputs, for one within this one."""
        self.path, self.proto = str(path), proto
        self.values: dict[str, Any] = {"": None}
        self.batch: int | None = None
        """The size of the batch that the graph was made with, where it has a fixed one."""
        self.opset = max(
            (one.version for one in proto.opset_import if one.domain in ("", "ai.onnx")), default=0
        )
        self.input_shapes = dict(input_shapes)
        self.open_sizes = False
        self.weights: set[str] = set()
        self.bags: dict[str, str] = {}
        """Inputs of ids in one vector, and those of where each text begins."""
        self.stacks: list[Any] = []
        self._layers: dict[Any, Any] = {}
        self._each: dict[int, Any] = {}
        self._names: set[str] = set()
        self._readers: dict[str, list[Node]] = {}
        self._fresh = 0

    # -- the whole -------------------------------------------------------------------------------------------
    def built(self) -> tuple[list[Any], list[Any]]:
        """The inputs and outputs of a model of the graph, symbolic tensors."""
        graph = self.proto.graph
        for tensor in graph.initializer:
            self.values[tensor.name] = array_of(tensor, f"the initializer {tensor.name!r}")
            self.weights.add(tensor.name)
        if graph.sparse_initializer:
            raise ValueError("sparse initializers are not known here")
        nodes = [self.node(one) for one in graph.node]
        self._note_readers(nodes)
        nodes = simplified(self, nodes)
        self._readers.clear()
        self._note_readers(nodes)  # those that are left
        offsets = set(self.bags.values())
        inputs = [
            self._input(one) for one in graph.input if one.name not in self.values and one.name not in offsets
        ]
        unknown = set(self.input_shapes) - {one.name for one in graph.input}
        if unknown:
            names = [one.name for one in graph.input if one.name not in self.weights]
            raise ValueError(f"`input_shapes` names {sorted(unknown)}; the inputs of the graph are {names}")
        for one in graph.output:
            self._readers.setdefault(one.name, []).append(None)  # type: ignore[arg-type]  # read from outside
        self.run(nodes)
        outputs = [self._output(one.name) for one in graph.output]
        return [tensor for tensor in inputs if _leads_to(tensor, outputs)], outputs

    def node(self, proto: Any) -> Node:
        """A node as it is handled."""
        helper = onnx_module().helper
        attributes = {one.name: helper.get_attribute_value(one) for one in proto.attribute}
        operation = proto.op_type if proto.domain in ("", "ai.onnx") else f"{proto.domain}.{proto.op_type}"
        return Node(proto, operation, proto.name, list(proto.input), list(proto.output), attributes)

    def run(self, nodes: Iterable[Node]) -> None:
        """Computes the values of nodes that stand in their order."""
        for node in nodes:
            if all(out in self.values for out in node.outputs if out):
                continue  # part of a layer that was made before
            try:
                made = self._made(node)
            except (
                ValueError,
                TypeError,
                LookupError,
                AttributeError,
                ArithmeticError,
                RuntimeError,
            ) as error:
                hint = "; sizes that are open may be given: `input_shapes`" if self.open_sizes else ""
                hint = "" if "input_shapes" in str(error) else hint
                raise ValueError(
                    f"{self.path}: node {node.name!r} ({node.operation}): {error}{hint}"
                ) from error
            found = made if isinstance(made, list) else [made]
            for name, value in zip(node.outputs, found, strict=False):
                if name:
                    self.values[name] = settled(value)

    def constant(self, node: Node) -> np.ndarray | None:
        """The value of a node Constant; None where it has no numbers."""
        found = {"value", "value_float", "value_int", "value_floats", "value_ints"} & set(node.attributes)
        return KNOWN["Constant"](self, node) if found else None

    def _made(self, node: Node) -> Any:
        missing = [name for name in node.inputs if name not in self.values]
        if missing:
            raise ValueError(f"reads {missing}, which nothing before it makes")
        inputs = [self.values[name] for name in node.inputs]
        if node.handler is not None:
            return node.handler(self, node, *inputs)
        if node.operation not in HANDLERS:
            raise ValueError(
                f"the operation {node.operation} is not known here; known are {', '.join(sorted(HANDLERS))}"
            )
        if node.operation in OF_EXAMPLES and all(isinstance(one, CONSTANTS) for one in inputs):
            same = self._of_any_example(node, inputs)
            if same is not None:
                return same
        if node.operation not in OF_STACKS:
            inputs = [one.view() if isinstance(one, Stack) else one for one in inputs]
        known = all(one is None or isinstance(one, np.ndarray) for one in inputs)
        if known and node.operation in KNOWN:
            return KNOWN[node.operation](self, node, *inputs)
        if known and all(one is None or one.dtype != object for one in inputs):
            return self.computed(node, inputs)
        return HANDLERS[node.operation](self, node, *inputs)

    def _of_any_example(self, node: Node, inputs: Sequence[Any]) -> list[Any] | None:
        """What a node makes of constants that are the same for each example of a batch; None of others."""
        batch = named("batch")
        arrays: list[Any] = []
        for one in inputs:
            if isinstance(one, Filled):
                if one.array.dtype == object or [size for size in one.shape if isinstance(size, Size)] != [
                    batch
                ]:
                    return None
                rest: Any = (1, *one.shape[1:])
                if one.shape[0] != batch:
                    return None
                arrays.append(np.broadcast_to(one.array, rest))
            else:
                arrays.append(one)
        if len(arrays) == sum(isinstance(one, np.ndarray) for one in inputs):
            return None
        return [filled(one, (batch, *one.shape[1:])) for one in self.computed(node, arrays)]

    def computed(self, node: Node, inputs: Sequence[Any]) -> list[np.ndarray]:
        """What a node makes of arrays."""
        reference = onnx_module().reference
        evaluator = reference.ReferenceEvaluator(node.proto, opsets={"": self.opset})
        feeds = {name: value for name, value in zip(node.inputs, inputs, strict=True) if name}
        made = evaluator.run(None, feeds)
        return [np.asarray(one) for one in made]

    # -- beginning and end -----------------------------------------------------------------------------------
    def _input(self, value: Any) -> Any:
        kind = value.type.tensor_type
        onnx = onnx_module()
        if not value.type.HasField("tensor_type") or not kind.HasField("shape"):
            raise ValueError(f"{self.path}: the input {value.name!r} must be a tensor with a shape")
        dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)
        if dtype.kind not in "fiub":
            raise ValueError(f"{self.path}: the input {value.name!r} must be of numbers. Received: {dtype}")
        sizes: list[AnySize] = [
            int(one.dim_value)
            if one.HasField("dim_value")
            else named(one.dim_param or f"{value.name}.{place}")
            for place, one in enumerate(kind.shape.dim)
        ]
        given = self.input_shapes.get(value.name)
        if given is not None:
            sizes = self._with_given(value.name, sizes, given)
        if not sizes or any(isinstance(size, int) and size < 1 for size in sizes):
            raise ValueError(
                f"{self.path}: the input {value.name!r} must have a batch, and sizes of 1 and more. "
                f"Received: shape {tuple(sizes)}"
            )
        if value.name in self.bags:  # texts end to end: a Ragged of them
            return self._texts(value.name)
        if isinstance(sizes[0], int):
            if self.batch not in (None, sizes[0]):
                raise ValueError(
                    f"{self.path}: the inputs have different batches, {self.batch} and {sizes[0]}"
                )
            self.batch = sizes[0]
        sizes[0] = named("batch")
        self.open_sizes |= any(isinstance(size, Size) for size in sizes[1:])
        single = len(sizes) == 1  # a number for each example
        shape = [None if isinstance(size, Size) else size for size in sizes[1:]] or [1]
        name = self.name(value.name)
        tensor = layers.Input(tuple(shape), dtype="float32" if dtype.kind in "fb" else "int32", name=name)
        made = plain(tensor, [*sizes, 1] if single else sizes)
        self.values[value.name] = View(tensor, made.dims, made.axes[:1]) if single else made
        return tensor

    def _texts(self, name: str) -> Any:
        """The input for a vector of ids: a Ragged cuts them into texts."""
        tensor = layers.Input((None,), dtype="int32", name=self.name(name))
        self.values[name] = plain(tensor, [named("batch"), named(f"{name}.1")])
        return tensor

    def _with_given(self, name: str, sizes: Sequence[AnySize], given: Sequence[int | None]) -> list[AnySize]:
        if isinstance(given, str) or not isinstance(given, Sequence):
            raise TypeError(
                f"`input_shapes`: the shape of {name!r} must be a tuple of sizes, batch first. "
                f"Received: {given!r}"
            )
        fits = len(given) == len(sizes) and all(
            one is None or (isinstance(one, int) and one > 0 and (isinstance(size, Size) or one == size))
            for one, size in zip(given, sizes, strict=True)
        )
        if not fits:
            raise ValueError(
                f"`input_shapes`: the input {name!r} has the shape {tuple(sizes)}, batch first; sizes that "
                f"are not known there may be given. Received: {given!r}"
            )
        return [size if one is None else one for one, size in zip(given, sizes, strict=True)]

    def _output(self, name: str) -> Any:
        value = self.values.get(name)
        if not isinstance(value, View):
            what = "depends on no input" if value is not None else "is made by no node"
            raise ValueError(f"{self.path}: the output {name!r} {what}")
        try:
            return laid_out(value, range(len(value.axes)))
        except ValueError as error:
            raise ValueError(f"{self.path}: the output {name!r}: {error}") from error

    # -- what handlers ask -----------------------------------------------------------------------------------
    def _note_readers(self, nodes: Iterable[Node]) -> None:
        for node in nodes:
            for name in (*node.inputs, *sorted(reads(node) - set(node.inputs))):
                self._readers.setdefault(name, []).append(node)

    def readers(self, name: str) -> list[Node | None]:
        """The nodes that read a value; None: it is an output of the graph."""
        return list(self._readers.get(name, []))

    def branch(self, proto: Any) -> list[Any]:
        """The outputs of a graph within this one."""
        for tensor in proto.initializer:
            self.values[tensor.name] = array_of(tensor, f"the initializer {tensor.name!r}")
        nodes = [self.node(one) for one in proto.node]
        self._note_readers(nodes)
        for one in proto.output:
            self._readers.setdefault(one.name, []).append(None)  # type: ignore[arg-type]
        self.run(nodes)
        return [self.values[one.name] for one in proto.output]

    def fresh(self, what: str) -> Size:
        """A size of which nothing is known."""
        self._fresh += 1
        return named(f"{what}.{self._fresh}")

    def name(self, *candidates: str) -> str:
        """A name for a layer, of the first candidate that says something, that no other has."""
        cleaned = [re.sub(r"[^A-Za-z0-9_.-]+", ".", one).strip(".") for one in candidates]
        stem = next((one for one in cleaned if one), "layer")
        found, number = stem, 0
        while found in self._names:
            number += 1
            found = f"{stem}_{number}"
        self._names.add(found)
        return found

    def layer_name(self, node: Node, weight: str) -> str:
        """The name for the layer of a node: that of PyTorch's module, as its weight or the node tells."""
        stem = re.sub(r"\.(weight|kernel|gamma)$", "", weight) if "::" not in weight and "." in weight else ""
        module = re.sub(rf"(^|/){node.operation}(_\d+)?$", "", node.name)
        return self.name(stem if stem != weight else "", module.strip("/"), node.name, node.operation.lower())

    def layer(self, node: Node, constants: Sequence[str], make: Callable[[], Any]) -> Any:
        """The layer of a node; the same one for all nodes that read the same constants in the same way."""
        key = (node.operation, tuple(constants), repr(sorted(node.attributes.items())))
        if not constants or key not in self._layers:
            self._layers[key] = make()
        return self._layers[key]

    def for_each(self, layer: Any) -> Any:
        """The layer for each step of a sequence of examples."""
        if id(layer) not in self._each:
            self._each[id(layer)] = layers.TimeDistributed(layer, name=self.name(f"{layer.name}.each"))
        return self._each[id(layer)]


def settled(value: Any) -> Any:
    """A value as it is kept: numbers and sizes as arrays, of objects only where a size is not known."""
    if isinstance(value, Size):
        array = np.empty((), object)
        array[()] = value
        return array
    if isinstance(value, (np.generic, int, float)):
        return np.asarray(value)
    if isinstance(value, np.ndarray) and value.dtype == object:
        return value if any(isinstance(one, Size) for one in value.flat) else value.astype(np.int64)
    return value


def _leads_to(tensor: Any, outputs: Sequence[Any]) -> bool:
    """Whether an output depends on an input."""
    seen: set[int] = set()
    waiting = [one.node for one in outputs]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node is tensor.node:
            return True
        waiting += [one.node for one in node.inputs]
    return False
