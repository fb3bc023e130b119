"""Windows of one long text of token ids: what language models learn from."""

from __future__ import annotations

from typing import Any

import numpy as np

from embedcnn.base.arguments import positive_integer
from embedcnn.base.arrays import rectangular


def split_input_target(window: Any) -> tuple[Any, Any]:
    """All tokens of a window but the last, and what follows each of them: (..., L + 1) to two of (..., L).

    For `Dataset.map`. As the function of this name in TensorFlow's text generation tutorial.

    >>> x, y = split_input_target(np.array([1, 2, 3, 4]))
    >>> x.tolist(), y.tolist()
    ([1, 2, 3], [2, 3, 4])
    """
    window = np.asarray(window)
    if not window.ndim or window.shape[-1] < 2:
        raise ValueError(f"`window` must hold at least two tokens. Received: shape {window.shape}")
    return window[..., :-1], window[..., 1:]


def text_windows(ids: Any, length: int, stride: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Windows of a text of token ids and what follows each token: two int32 arrays (windows, length).

    A window begins every `stride` tokens (None: `length`, so that none is read twice); the rest that fills
    no window is left out. Raises ValueError where the text has fewer than length + 1 tokens. As
    `.batch(length + 1)` and split_input_target of TensorFlow's text generation tutorial.

    >>> x, y = text_windows([1, 2, 3, 4, 5], 2)
    >>> x.tolist(), y.tolist()
    ([[1, 2], [3, 4]], [[2, 3], [4, 5]])
    """
    ids, length = _checked(ids), positive_integer("length", length)
    stride = length if stride is None else positive_integer("stride", stride)
    if len(ids) <= length:
        raise ValueError(
            f"`ids`: the text must have more than length = {length} tokens to fill one window. "
            f"Received: {ids.size}"
        )
    windows = np.lib.stride_tricks.sliding_window_view(ids, length + 1)[::stride]
    return np.ascontiguousarray(windows[:, :-1]), np.ascontiguousarray(windows[:, 1:])


def text_streams(ids: Any, batch_size: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """A text cut into `batch_size` streams that are read side by side: x and y as of text_windows, in batches
    whose row b goes on where row b of the batch before stopped.

    For training that carries the state: callbacks.CarryState, or LSTM(stateful=True), with `shuffle=False`
    and this batch size. The rest that fills no window in every stream is left out. Raises ValueError where
    the text has fewer than batch_size * length + 1 tokens.

    >>> x, y = text_streams(range(9), batch_size=2, length=2)
    >>> x.tolist(), y[0].tolist()  # the streams 0 1 2 3 and 4 5 6 7
    ([[0, 1], [4, 5], [2, 3], [6, 7]], [1, 2])
    """
    ids, length = _checked(ids), positive_integer("length", length)
    batch_size = positive_integer("batch_size", batch_size)
    each = (len(ids) - 1) // batch_size
    count = each // length
    if count < 1:
        raise ValueError(
            f"`ids`: the text must have more than batch_size * length = {batch_size} * {length} tokens for "
            f"a window in each stream. Received: {len(ids)}"
        )
    starts = (np.arange(count)[:, None] * length + np.arange(batch_size) * each).ravel()
    windows = np.lib.stride_tricks.sliding_window_view(ids, length + 1)[starts]
    return np.ascontiguousarray(windows[:, :-1]), np.ascontiguousarray(windows[:, 1:])


def _checked(ids: Any) -> np.ndarray:
    ids = rectangular("ids", ids)
    if ids.ndim != 1 or (ids.dtype.kind not in "iu" and ids.size):
        raise ValueError(
            "`ids` must be the token ids of one text, a vector of integers. "
            f"Received: {ids.dtype}, shape {ids.shape}"
        )
    return np.ascontiguousarray(ids, np.int32)
