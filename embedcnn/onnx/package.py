"""The package onnx, which only an export imports: the extra `onnx`."""

from __future__ import annotations

from typing import Any


def package() -> Any:
    """The module onnx; ImportError that says what to install."""
    try:
        import onnx  # start-up, and the extra
        import onnx.external_data_helper
        import onnx.helper
    except ImportError as error:
        raise ImportError(
            "models are exported with the package onnx: pip install 'embedcnn[onnx]'"
        ) from error
    return onnx
