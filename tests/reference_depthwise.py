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
