"""Optimizer, losses and metrics that compile was given in Keras, as its files hold them, for our models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import losses, metrics, optimizers
from . import keras_config
from .model import Model


def compile_as(model: Model, settings: Mapping[str, Any], label: str) -> None:
    """What compile was given; ValueError that says how to leave it out."""
    given: Any = settings.get("optimizer")
    if keras_config.is_described(given) and given["class_name"] == "LossScaleOptimizer":
        given = (given.get("config") or {}).get("inner_optimizer")
    try:
        model.compile(
            optimizers.get(_of_settings(given)) if given is not None else "rmsprop",
            _each(settings.get("loss"), losses.get),
            settings.get("loss_weights"),
            _each(settings.get("metrics"), metrics.get),
            _each(settings.get("weighted_metrics"), metrics.get),
        )
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise ValueError(
            f"{label!r}: what compile was given cannot be taken: {error}; leave it out: "
            "load_keras(path, compile=False)"
        ) from error


def _of_settings(value: Any) -> Any:
    """An object's description with the settings that it has here."""
    if isinstance(value, list):
        return [_of_settings(part) for part in value]
    if not keras_config.is_described(value):
        return {key: _of_settings(part) for key, part in value.items()} if isinstance(value, dict) else value
    config = {
        key: _of_settings(part)
        for key, part in (value.get("config") or {}).items()
        if part is not None
        and key not in ("dtype", "loss_scale_factor", "jit_compile", "is_legacy_optimizer")
    }
    return {"class_name": value["class_name"], "config": config}


def _each(value: Any, get: Any) -> Any:
    """Losses or metrics in the nesting in which compile was given them; names stay."""
    if keras_config.is_described(value):
        return get(_of_settings(value))
    if isinstance(value, dict):
        return {name: _each(part, get) for name, part in value.items()}
    return [_each(part, get) for part in value] if isinstance(value, list) else value
