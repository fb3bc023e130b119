"""Operations that bring values, or weights, to a common scale."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from embedcnn.ops.call import Axis, axes, elementary, operation


@operation
def layer_normalization(
    x: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    epsilon: float = 1e-3,
    mask: ArrayLike | None = None,
    axis: Axis = -1,
) -> Any:
    """Each row of x [B, C] or [B, T, C] with mean 0 and variance 1, times gamma [C], plus beta [C]. As
    keras.layers.LayerNormalization; Ba, Kiros and Hinton (2016).

    `axis` may be another one, or several; gamma and beta have their sizes. Along the steps masked ones are
    left out.

    >>> from embedcnn import ops
    >>> ops.layer_normalization([[1.0, 3.0]], epsilon=1e-12).tolist()
    [[-1.0, 1.0]]
    """
    settings: dict[str, Any] = {"scale": gamma is not None, "center": beta is not None, "epsilon": epsilon}
    settings["axes"] = axes(x, axis)
    call = elementary("layer_normalization", x, mask, **settings)
    given = (("gamma", gamma), ("beta", beta))
    numbers = [call.add_parameter(name, value, np.ndim(value)) for name, value in given if value is not None]
    call.know_steps()
    call.operations[0] = ("layer_normalization", (0,), (1,), tuple(numbers), settings)
    return call


@operation
def batch_normalization(
    x: ArrayLike,
    moving_mean: ArrayLike,
    moving_variance: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    epsilon: float = 1e-3,
    mask: ArrayLike | None = None,
    axis: int = -1,
) -> Any:
    """(x - mean) / sqrt(variance + epsilon) per channel of x [B, C] or [B, T, C], times gamma, plus beta. As
    keras.layers.BatchNormalization; Ioffe and Szegedy (2015).

    With the moving statistics given, as in inference; in training the layer takes those of the batch.
    `axis` may be another one; all weights have its size.

    >>> from embedcnn import ops
    >>> ops.batch_normalization([[3.0]], moving_mean=[1.0], moving_variance=[4.0], epsilon=1e-12).tolist()
    [[1.0]]
    """
    settings: dict[str, Any] = {"scale": gamma is not None, "center": beta is not None, "epsilon": epsilon}
    settings["axes"] = axes(x, axis)
    call = elementary("batch_normalization", x, mask, **settings)
    given = {"gamma": gamma, "beta": beta}
    numbers = [call.add_parameter(name, value, 1) for name, value in given.items() if value is not None]
    statistics = {"moving_mean": moving_mean, "moving_variance": moving_variance}
    numbers += [call.add_parameter(name, value, 1) for name, value in statistics.items()]
    call.know_steps()
    call.constant.update(numbers[-2:])
    call.operations[0] = ("batch_normalization", (0,), (1,), tuple(numbers), settings)
    return call


@operation
def unit_normalization(x: ArrayLike, mask: ArrayLike | None = None, axis: Axis = -1) -> Any:
    """Each row of x [B, C] or [B, T, C] divided by its Euclidean norm; zeros stay zeros. As
    keras.layers.UnitNormalization.

    `axis` may be another one, or several; along the steps masked ones are left out.

    >>> from embedcnn import ops
    >>> ops.unit_normalization([[3.0, 4.0]]).round(6).tolist()
    [[0.6000000238418579, 0.800000011920929]]
    """
    return elementary("unit_normalization", x, mask, axes=axes(x, axis))


@operation
def weight_normalization(x: ArrayLike, g: ArrayLike, v: ArrayLike, bias: ArrayLike | None = None) -> Any:
    """x [..., F] of a layer with kernel v [..., F], as though the kernel were g v / |v|; plus bias [F].
    Source: Salimans and Kingma (2016), torch.nn.utils.weight_norm.

    >>> from embedcnn import ops
    >>> ops.weight_normalization([[5.0]], g=[2.0], v=[[3.0], [4.0]], bias=[1.0]).tolist()
    [[3.0]]
    """
    call = elementary("weight_normalization", x)
    numbers = call.add_weights(bias, g=(g, 1), v=(v, np.ndim(v)))
    call.operations = [("weight_normalization", (0,), (1,), numbers, {})]
    return call
