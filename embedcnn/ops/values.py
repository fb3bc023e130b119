"""Operations on single values and on the last axis, of [B, C] or [B, T, C]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from embedcnn.ops.call import Call, elementary, operation


@operation
def layer_normalization(
    x: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    epsilon: float = 1e-3,
    mask: ArrayLike | None = None,
) -> Any:
    """Each row of x [B, C] or [B, T, C] with mean 0 and variance 1, times gamma [C], plus beta [C].

    >>> from embedcnn import ops
    >>> ops.layer_normalization([[1.0, 3.0]], epsilon=1e-12).tolist()
    [[-1.0, 1.0]]

    Source: Keras ``LayerNormalization``; Ba, Kiros and Hinton (2016).
    """
    settings = {"scale": gamma is not None, "center": beta is not None, "epsilon": epsilon}
    call = elementary("layer_normalization", x, mask, **settings)
    given = {"gamma": gamma, "beta": beta}
    numbers = [call.add_parameter(name, value, 1) for name, value in given.items() if value is not None]
    call.operations[0] = ("layer_normalization", (0,), (1,), tuple(numbers), settings)
    return call


@operation
def dense(x: ArrayLike, kernel: ArrayLike, bias: ArrayLike | None = None) -> Any:
    """x @ kernel + bias for x [B, C] or [B, T, C], kernel [C, units]: float32 [..., units].

    >>> from embedcnn import ops
    >>> ops.dense([[1.0, 2.0]], [[1.0, 0.0], [0.0, 1.0]], bias=[10.0, 20.0]).tolist()
    [[11.0, 22.0]]

    Source: Keras ``Dense`` (which takes the activation too), ``torch.nn.functional.linear``.
    """
    call = elementary("dense", x)
    numbers = [call.add_parameter("kernel", kernel, 2)]
    if bias is not None:
        numbers.append(call.add_parameter("bias", bias, 1))
    call.operations = [("dense", (0,), (1,), tuple(numbers), {})]
    return call


@operation
def activation(x: ArrayLike, activation: str = "relu") -> Any:
    """An activation function by Keras's name, of x [B, C] or [B, T, C]; ``gelu_tanh`` is
    gelu(approximate=True).

    >>> from embedcnn import ops
    >>> ops.activation([[-1.0, 2.0]], "relu").tolist()
    [[0.0, 2.0]]

    Source: ``keras.activations``.
    """
    return elementary("activation", x, activation=activation)


@operation
def softmax(x: ArrayLike) -> Any:
    """exp(x) / sum(exp(x)) over the last axis of x [B, C] or [B, T, C].

    >>> from embedcnn import ops
    >>> ops.softmax([[0.0, 0.0]]).tolist()
    [[0.5, 0.5]]

    Source: ``keras.activations.softmax``.
    """
    return elementary("softmax", x)


@operation
def dropout(x: ArrayLike, rate: float, seed: int = 0, step: int = 0, layer: int = 0) -> Any:
    """x [B, C] or [B, T, C] with a share ``rate`` of its values set to 0 and the others divided by 1 - rate.

    Which values depends on (seed, step, layer, example, position in the text, channel) only.

    >>> import numpy as np
    >>> from embedcnn import ops
    >>> sorted(set(ops.dropout(np.ones((8, 8)), 0.5).ravel().tolist()))
    [0.0, 2.0]

    Source: Keras ``Dropout``, ``torch.nn.functional.dropout``.
    """
    call = elementary("dropout", x, rate=float(rate), layer=int(layer))
    call.seed, call.step, call.training = int(seed), int(step), True
    return call


@operation
def merge(inputs: Sequence[ArrayLike], kind: str = "add") -> Any:
    """Several arrays of one shape, merged value by value.

    ``kind`` is "add", "subtract" (of two), "multiply", "average", "maximum" or "minimum".
    Of equal maxima the first gets the gradient.

    >>> from embedcnn import ops
    >>> ops.merge([[[1.0, 5.0]], [[2.0, 3.0]]], "maximum").tolist()
    [[2.0, 5.0]]

    Source: Keras ``Add``, ``Subtract``, ``Multiply``, ``Average``, ``Maximum``, ``Minimum``.
    """
    call = Call(outputs=(len(inputs),))
    for number, array in enumerate(inputs):
        call.add_floats(f"inputs[{number}]", array)
    call.operations = [("merge", tuple(range(len(inputs))), (len(inputs),), (), {"kind": kind})]
    return call


@operation
def concatenate(arrays: Sequence[ArrayLike]) -> Any:
    """Several [B, C_i] (or [B, T, C_i]) side by side: float32 [B, sum C_i].

    >>> from embedcnn import ops
    >>> ops.concatenate([[[1.0]], [[2.0, 3.0]]]).tolist()
    [[1.0, 2.0, 3.0]]

    Source: Keras ``Concatenate``, ``torch.cat(dim=-1)``.
    """
    call = Call(outputs=(len(arrays),))
    for number, array in enumerate(arrays):
        call.add_floats(f"arrays[{number}]", array)
    call.operations = [("concatenate", tuple(range(len(arrays))), (len(arrays),), (), {})]
    return call
