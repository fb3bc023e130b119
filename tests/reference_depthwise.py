"""Depthwise convolution of images in float64."""

import reference
import reference_images


def depthwise_conv2d(x, kernel, bias=None, activation="linear", **settings):
    """A convolution with as many groups as channels, then an activation."""
    rows, cols, channels, _ = kernel.shape
    groups = kernel.reshape(rows, cols, 1, -1)
    out, back = reference_images.conv2d(x, groups, bias, groups=channels, **settings)
    out, act_back = reference.activation(out, activation)

    def backward(d_out):
        d_x, d_kernel, *d_bias = back(act_back(d_out)[0])
        return d_x, d_kernel.reshape(kernel.shape), *d_bias

    return out, backward


def separable_conv2d(
    x,
    kernel,
    *weights,
    first_activation="linear",
    activation="linear",
    first_bias=0,
    bias=0,
    pools=0,
    **settings,
):
    """Depthwise convolution, convolution of single pixels, activations behind both, maximum over squares."""
    first = weights[:first_bias]
    h, first_back = depthwise_conv2d(x, kernel, *first, activation=first_activation, **settings)
    z, mix_back = reference_images.conv2d(h, *weights[first_bias:])
    out, act_back = reference.activation(z, activation)
    if pools:
        out, pool_back = reference_images.pool2d("max_pool2d", out)

    def backward(d_out):
        (d_z,) = act_back(*(pool_back(d_out) if pools else (d_out,)))[:1]
        d_h, *d_second = mix_back(d_z)
        return *first_back(d_h), *d_second

    return out, backward
