"""EinsumDense: a Dense layer over any axes, as an equation says."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from .. import activations, initializers
from ..base.arguments import positive_integer
from ..graph.nodes import Shape
from ..graph.variables import Variable
from ..initializers import initial_value
from ..ops.products import einsum
from .activation import Activation
from .base import Layer


class EinsumDense(Layer):
    """activation(einsum(equation, x, kernel) + bias). As keras.layers.EinsumDense.

    `equation`: letters for the axes of x, of the kernel and of the result, as "abc,cd->abd"; "..." in front
    of x and of the result stands for all axes that have no letter. `output_shape`: the sizes of the result
    behind the batch, or of its letters behind "..."; None where the input says it. `bias_axes`: letters of
    the axes of the bias. Raises ValueError for equations that do not fit.

    >>> import embedcnn
    >>> layer = embedcnn.layers.EinsumDense("abc,cde->abde", output_shape=(None, 2, 4), bias_axes="de")
    >>> layer(embedcnn.Input((7, 8))).shape, [weight.shape for weight in layer.weights]
    ((None, 7, 2, 4), [(8, 2, 4), (2, 4)])
    """

    def __init__(
        self,
        equation: str,
        output_shape: int | Sequence[int | None],
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if bias_axes is not None and not isinstance(bias_axes, str):
            raise ValueError(f"`bias_axes` must be letters, or None. Received: bias_axes={bias_axes!r}")
        self.equation, self.bias_axes = str(equation).replace(" ", ""), bias_axes
        sizes = output_shape if isinstance(output_shape, (list, tuple)) else [output_shape]
        self.output_shape = [None if one is None else positive_integer("output_shape", one) for one in sizes]
        self.activation = activations.chosen(activation)
        self.kernel_initializer = initializers.get(kernel_initializer, "kernel_initializer")
        self.bias_initializer = initializers.get(bias_initializer, "bias_initializer")
        active = self.activation != "linear"
        self._activation = Activation(activation, name=f"{self.name}_activation") if active else None

    def build(self, input_shape: Shape) -> None:
        given, kernel, out = self._parts()
        sizes = dict(zip(given[::-1], input_shape[::-1], strict=False))
        for letter, size in zip(out[::-1], self.output_shape[::-1], strict=False):
            known = sizes.get(letter) if size is None else size
            if letter in given and None not in (known, sizes[letter]) and known != sizes[letter]:
                raise ValueError(
                    f"`output_shape` of {self.name!r} gives {known} places to {letter!r}, the input "
                    f"{sizes[letter]}. Received: output_shape={self.output_shape}, shape={input_shape}"
                )
            sizes.setdefault(letter, known)
        missing = [letter for letter in kernel + (self.bias_axes or "") if sizes.get(letter) is None]
        if missing:
            raise ValueError(
                f"EinsumDense {self.name!r} must know the sizes of {missing}. Received: "
                f"equation={self.equation!r}, output_shape={self.output_shape}, shape={input_shape}"
            )
        self.kernel = self.track(Variable("kernel", self._initial_kernel(given, kernel, out, sizes), self))
        self.bias = None
        if self.bias_axes:
            first = min(out.index(letter) for letter in self.bias_axes)
            shape = [int(sizes[one] or 0) if one in self.bias_axes else 1 for one in out[first:]]
            self.bias = self.add_weight("bias", shape, self.bias_initializer)

    def _parts(self) -> tuple[str, str, str]:
        """The letters of input, kernel and result, without "..."."""
        left, arrow, out = self.equation.partition("->")
        given, comma, kernel = left.partition(",")
        dotted = [part.startswith("...") for part in (given, out)]
        parts = given.removeprefix("..."), kernel, out.removeprefix("...")
        letters = "".join(parts)
        fits = arrow and comma and kernel and letters.isalpha() and dotted[0] == dotted[1]
        if not fits or not set(self.bias_axes or "") <= set(parts[2]):
            raise ValueError(
                '`equation` must be as "ab,bc->ac" or "...b,bc->...c", `bias_axes` letters of the result. '
                f"Received: equation={self.equation!r}, bias_axes={self.bias_axes!r}"
            )
        return parts

    def _initial_kernel(self, given: str, kernel: str, out: str, sizes: dict[str, Any]) -> np.ndarray:
        """As of a Dense layer from the axes that are summed over to those that are new."""
        summed = [letter for letter in kernel if letter in given]
        new = [letter for letter in kernel if letter not in given]
        shape = prod(sizes[one] for one in summed), prod(sizes[one] for one in new)
        drawn = initial_value(self.kernel_initializer, shape)
        drawn = drawn.reshape([sizes[letter] for letter in summed + new])
        return np.ascontiguousarray(drawn.transpose([(summed + new).index(letter) for letter in kernel]))

    def call(self, inputs: Any) -> Any:
        """The result for a tensor."""
        made = einsum(self.equation, inputs, self.kernel)
        made = made if self.bias is None else made + self.bias
        return made if self._activation is None else self._activation(made)
