"""Layers of images [B, H, W, C] in float64, slow and obvious."""

import numpy as np
import reference


def windows_2d(height, width, size, strides=(1, 1), dilation=(1, 1), padding="valid"):
    """How many windows there are along both axes, and places before the first, as TensorFlow pads."""
    counts, before = [], []
    for length, taps, stride, rate in zip((height, width), size, strides, dilation, strict=True):
        wide = (taps - 1) * rate + 1
        if padding == "valid":
            if length < wide:
                raise ValueError(f"{length} places are fewer than a window reaches over, {wide}")
            counts.append((length - wide) // stride + 1)
            before.append(0)
        else:
            counts.append(-(-length // stride))
            before.append(max((counts[-1] - 1) * stride + wide - length, 0) // 2)
    return counts, before


def conv2d(
    x,
    kernel,
    bias=None,
    *,
    stride_rows=1,
    stride_cols=1,
    dilation_rows=1,
    dilation_cols=1,
    padding="valid",
    groups=1,
    activation="linear",
):
    """Cross-correlation, a window and a tap at a time."""
    x, kernel = np.asarray(x, np.float64), np.asarray(kernel, np.float64)
    batch, height, width, channels = x.shape
    filters = kernel.shape[3]
    strides, dilation = (stride_rows, stride_cols), (dilation_rows, dilation_cols)
    (rows, cols), (top, left) = windows_2d(height, width, kernel.shape[:2], strides, dilation, padding)
    inside, outside = channels // groups, filters // groups

    def taps():
        """Pixel of the output, pixel of the input, tap."""
        for y, z in np.ndindex(rows, cols):
            for i, j in np.ndindex(*kernel.shape[:2]):
                row, col = (
                    y * stride_rows + i * dilation_rows - top,
                    z * stride_cols + j * dilation_cols - left,
                )
                if 0 <= row < height and 0 <= col < width:
                    yield (slice(None), y, z), (slice(None), row, col), (i, j)

    def grouped(pixels, size):
        return pixels.reshape(batch, groups, size)

    weights = kernel.reshape(*kernel.shape[:2], inside, groups, outside)
    out = np.zeros((batch, rows, cols, filters)) + (0 if bias is None else bias)
    for to, source, tap in taps():
        out[to] += np.einsum("bgc,cgf->bgf", grouped(x[source], inside), weights[tap]).reshape(batch, -1)

    out, activation_back = reference.activation(out, activation)

    def backward(d_out):
        (d_out,) = activation_back(d_out)
        d_x, d_weights = np.zeros(x.shape), np.zeros(weights.shape)
        for to, source, tap in taps():
            d = grouped(d_out[to], outside)
            d_x[source] += np.einsum("bgf,cgf->bgc", d, weights[tap]).reshape(batch, -1)
            d_weights[tap] += np.einsum("bgc,bgf->cgf", grouped(x[source], inside), d)
        gradients = (d_x, d_weights.reshape(kernel.shape))
        return gradients if bias is None else (*gradients, d_out.sum((0, 1, 2)))

    return out, backward


def pool2d(kind, x, pool_rows=2, pool_cols=2, stride_rows=2, stride_cols=2, padding="valid"):
    """The maximum (NaN wins, then the first) or the mean of the pixels inside the image."""
    size, strides = (pool_rows, pool_cols), (stride_rows, stride_cols)
    counts, before = windows_2d(*x.shape[1:3], size, strides, padding=padding)

    def reads(axis, window):
        first = window * strides[axis] - before[axis]
        return [place for place in range(first, first + size[axis]) if 0 <= place < x.shape[1 + axis]]

    tall, wide = ([reads(axis, window) for window in range(counts[axis])] for axis in (0, 1))
    out = np.zeros((len(x), len(tall), len(wide), x.shape[3]))
    shares = {}
    for b, i, j, c in np.ndindex(out.shape):
        pixels = [(y, z) for y in tall[i] for z in wide[j]]
        values = [x[b, y, z, c] for y, z in pixels]
        if kind == "average_pool2d":
            out[b, i, j, c] = sum(values) / len(values)
            shares[b, i, j, c] = [(pixel, 1 / len(values)) for pixel in pixels]
        else:
            missing = [k for k, value in enumerate(values) if np.isnan(value)]
            winner = missing[0] if missing else values.index(max(values))
            out[b, i, j, c] = values[winner]
            shares[b, i, j, c] = [(pixels[winner], 1.0)]

    def backward(d_out):
        d_x = np.zeros(x.shape)
        for (b, i, j, c), parts in shares.items():
            for (y, z), share in parts:
                d_x[b, y, z, c] += share * d_out[b, i, j, c]
        return (d_x,)

    return out, backward


def conv2d_transpose(
    x,
    kernel,
    bias=None,
    *,
    out_rows,
    out_cols,
    lead_rows,
    lead_cols,
    stride_rows=1,
    stride_cols=1,
    dilation_rows=1,
    dilation_cols=1,
    activation="linear",
):
    """Every pixel adds its values times a tap to one place of the output."""
    x, kernel = np.asarray(x, np.float64), np.asarray(kernel, np.float64)
    batch, height, width, _ = x.shape
    out = np.zeros((batch, out_rows, out_cols, kernel.shape[2])) + (0 if bias is None else bias)

    def taps():
        for y, z in np.ndindex(height, width):
            for i, j in np.ndindex(*kernel.shape[:2]):
                row = y * stride_rows + i * dilation_rows - lead_rows
                col = z * stride_cols + j * dilation_cols - lead_cols
                if 0 <= row < out_rows and 0 <= col < out_cols:
                    yield (slice(None), row, col), (slice(None), y, z), (i, j)

    for to, source, tap in taps():
        out[to] += np.einsum("bc,fc->bf", x[source], kernel[tap])
    out, activation_back = reference.activation(out, activation)

    def backward(d_out):
        (d_out,) = activation_back(d_out)
        d_x, d_kernel = np.zeros(x.shape), np.zeros(kernel.shape)
        for to, source, tap in taps():
            d_x[source] += np.einsum("bf,fc->bc", d_out[to], kernel[tap])
            d_kernel[tap] += np.einsum("bc,bf->fc", x[source], d_out[to])
        return (d_x, d_kernel) if bias is None else (d_x, d_kernel, d_out.sum((0, 1, 2)))

    return out, backward


def conv2d_pool(x, kernel, bias=None, *, activation="linear", **attributes):
    """conv2d, the largest of each 2 x 2 pixels (the first of equal ones), then the activation."""
    made, conv_back = conv2d(x, kernel, bias, **attributes)
    pooled, pool_back = pool2d("max_pool2d", made, pool_rows=2, pool_cols=2, stride_rows=2, stride_cols=2)
    out, activation_back = reference.activation(pooled, activation)

    def backward(d_out):
        return conv_back(pool_back(activation_back(d_out)[0])[0])

    return out, backward
