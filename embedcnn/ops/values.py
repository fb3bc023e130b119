"""Operations on single values and on the last axis, of [B, C] or [B, T, C]."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from numpy.typing import ArrayLike

from embedcnn.base.checked import checked
from embedcnn.ops.call import Axis, Call, also_symbolic, axes, elementary, operation
from embedcnn.ops.primitives import apply, listed


def _shares(name: str) -> Callable[..., Any]:
    """The operation of symbolic tensors."""

    def symbolic(x: Any, axis: Axis = -1, mask: None = None) -> Any:
        if mask is not None:
            raise ValueError(f"`mask` of ops.{name} is for arrays: a symbolic tensor has its own")
        return apply(name, [x], axis=listed(axis))

    return symbolic


@operation
@checked
def dense(x: ArrayLike, kernel: ArrayLike, bias: ArrayLike | None = None, transposed: bool = False) -> Any:
    """x @ kernel + bias for x [B, C] or [B, T, C], kernel [C, units]: float32 [..., units]. As
    keras.layers.Dense (which takes the activation too). With `transposed` the kernel is [units, C], as in
    torch.nn.functional.linear.

    >>> from embedcnn import ops
    >>> ops.dense([[1.0, 2.0]], [[1.0, 0.0], [0.0, 1.0]], bias=[10.0, 20.0]).tolist()
    [[11.0, 22.0]]
    """
    call = elementary("dense", x)
    numbers = call.add_weights(bias, kernel=(kernel, 2))
    call.operations = [("dense", (0,), (1,), numbers, {"transposed": True} if transposed else {})]
    return call


@operation
def activation(x: ArrayLike, activation: str = "relu") -> Any:
    """An activation function by Keras's name, of x [B, C] or [B, T, C]; `gelu_tanh` is
    gelu(approximate=True). As keras.activations.

    >>> from embedcnn import ops
    >>> ops.activation([[-1.0, 2.0]], "relu").tolist()
    [[0.0, 2.0]]
    """
    return elementary("activation", x, activation=activation)


@also_symbolic(_shares("softmax"))
@operation
def softmax(x: Any, axis: Axis = -1, mask: ArrayLike | None = None) -> Any:
    """exp(x) / sum(exp(x)) over the last axis of x [B, C] or [B, T, C]. As keras.activations.softmax.

    `axis` may be another one, or several; along the steps masked ones have no share. A symbolic x has its own
    mask.

    >>> from embedcnn import ops
    >>> ops.softmax([[0.0, 0.0]]).tolist()
    [[0.5, 0.5]]
    """
    return elementary("softmax", x, mask, axes=axes(x, axis))


@also_symbolic(_shares("log_softmax"))
@operation
def log_softmax(x: Any, axis: Axis = -1, mask: ArrayLike | None = None) -> Any:
    """x - log(sum(exp(x))) over the last axis of x [B, C] or [B, T, C]. As keras.activations.log_softmax.

    `axis` may be another one, or several; along the steps masked ones have no share. A symbolic x has its own
    mask.

    >>> from embedcnn import ops
    >>> ops.log_softmax([[0.0]]).tolist()
    [[0.0]]
    """
    return elementary("log_softmax", x, mask, axes=axes(x, axis))


@operation
def rectifier(
    x: ArrayLike,
    alpha: ArrayLike | None = None,
    slope: float = 0.0,
    threshold: float = 0.0,
    max_value: float = float("inf"),
) -> Any:
    """min(x, max_value) where x [B, C] or [B, T, C] is above the threshold, else slope (x - threshold). As
    keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.PReLU.

    With `alpha`, [C] for a flat x and [1, C] or [T, C] for a sequence, that is the slope.

    >>> from embedcnn import ops
    >>> ops.rectifier([[-1.0, 2.0, 9.0]], slope=0.5, max_value=6.0).tolist()
    [[-0.5, 2.0, 6.0]]
    """
    settings = {"slope": float(slope), "threshold": float(threshold), "max_value": float(max_value)}
    call = elementary("rectifier", x, **settings)
    if alpha is not None:
        number = call.add_parameter("alpha", alpha, 1 if call.specs[0][2] is None else 2)
        call.operations = [("rectifier", (0,), (1,), (number,), settings)]
    return call


@operation
@checked
def noise(
    x: ArrayLike, deviation: float, multiply: bool = False, seed: int = 0, step: int = 0, layer: int = 0
) -> Any:
    """x [B, C] or [B, T, C] plus (with `multiply`: times 1 plus) normal numbers of this deviation. As
    keras.layers.GaussianNoise, keras.layers.GaussianDropout.

    Which numbers depends on (seed, step, layer, example, position in the text, channel) only.

    >>> import numpy as np
    >>> from embedcnn import ops
    >>> bool(abs(ops.noise(np.zeros((50, 50)), 2.0).std() - 2) < 0.1)
    True
    """
    call = elementary("noise", x, deviation=float(deviation), layer=int(layer), multiply=multiply)
    call.seed, call.step, call.training = int(seed), int(step), True
    return call


@operation
def dropout(
    x: ArrayLike,
    rate: float,
    seed: int = 0,
    step: int = 0,
    layer: int = 0,
    shared_axes: int | Sequence[int] = (),
) -> Any:
    """x [B, C] or [B, T, C] with a share `rate` of its values set to 0 and the others divided by 1 - rate.
    As keras.layers.Dropout, torch.nn.functional.dropout.

    Which values depends on (seed, step, layer, example, position in the text, channel) only. Along
    `shared_axes` (0 is the batch) they are dropped together.

    >>> import numpy as np
    >>> from embedcnn import ops
    >>> sorted(set(ops.dropout(np.ones((8, 8)), 0.5).ravel().tolist()))
    [0.0, 2.0]
    """
    shared = axes(x, shared_axes)
    call = elementary("dropout", x, rate=float(rate), layer=int(layer), shared_axes=shared)
    call.seed, call.step, call.training = int(seed), int(step), True
    return call


@operation
def merge(inputs: Sequence[ArrayLike], kind: str = "add") -> Any:
    """Several arrays of one shape, merged value by value. As keras.layers.Add, keras.layers.Subtract,
    keras.layers.Multiply, keras.layers.Average, keras.layers.Maximum, keras.layers.Minimum.

    `kind` is "add", "subtract" (of two), "multiply", "average", "maximum" or "minimum". Of equal maxima the
    first gets the gradient.

    >>> from embedcnn import ops
    >>> ops.merge([[[1.0, 5.0]], [[2.0, 3.0]]], "maximum").tolist()
    [[2.0, 5.0]]
    """
    call = Call(outputs=(len(inputs),))
    for number, array in enumerate(inputs):
        call.add_floats(f"inputs[{number}]", array)
    call.operations = [("merge", tuple(range(len(inputs))), (len(inputs),), (), {"kind": kind})]
    return call
