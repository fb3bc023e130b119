"""TextReader, the base of layers that read raw texts: at the start of a model, or on their own.

The core computes numbers only, so a model hands its texts to these layers batch by batch and gives its
program what they make of them: ids, or counts of tokens.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from ..base.columns import described, several
from ..base.utf8_files import text_lines_of
from ..graph.nodes import Node, SymbolicTensor
from ..preprocessing.texts import FILL_GAPS
from ..text.rows import checked_texts, column_of, is_empty, raw_texts
from .base import Layer


class TextReader(Layer):
    """The base of layers whose input is texts: an Input of dtype "string", or arrays and lists of str."""

    reads_texts = prepares = True
    output_dtype = "int32"

    def __call__(self, inputs: Any, **options: Any) -> Any:
        """On a symbolic tensor: the symbolic result. On texts, (N,), (N, 1) or a single one: an array."""
        options.pop("training", None)
        if options:
            raise TypeError(f"{self.name!r} was called with unknown arguments {sorted(options)}")
        if not isinstance(inputs, SymbolicTensor):
            return self.on_texts(inputs)
        if inputs.dtype != "string":
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}) reads texts: call it on "
                f"Input((1,), dtype='string'). Received: a tensor of dtype {inputs.dtype}"
            )
        self.built = True
        node = Node(self, [inputs], [self.compute_output_shape(inputs.shape)], self.output_dtype)
        self.nodes.append(node)
        return node.outputs[0]

    def on_texts(self, texts: Any) -> Any:
        """What the layer makes of texts outside of a model."""
        raise NotImplementedError

    def encode(self, texts: Sequence[str]) -> Any:
        """What a model gives its program for a batch of texts."""
        raise NotImplementedError


def text_list(argument: str, texts: Any) -> list[str]:
    """Texts as a list of str, as models take them; TypeError for anything else."""
    texts = column_of(texts)
    found = [] if is_empty(texts) else raw_texts(texts)
    if found is None:
        raise TypeError(f"`{argument}` must be a list or array of str. Received: {described(texts)}")
    return checked_texts(argument, found, remedy=FILL_GAPS).tolist()


def tokens_of_file(vocabulary: Any) -> Any:
    """The lines of a file where a vocabulary is given by its path, the entries of a column as a list."""
    if not isinstance(vocabulary, (str, os.PathLike)):
        return several("vocabulary", vocabulary)
    return [line.rstrip("\r\n") for line in text_lines_of(vocabulary)]
