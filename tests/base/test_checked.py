"""Switches and paths: every public function refuses what its annotations do not allow, before it begins."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import os

import numpy as np
import pytest

import embedcnn
from embedcnn.base.checked import checked, path
from embedcnn.base.parameters import Parameters

MODULES = (
    "",
    "bags callbacks classifier data distributed fasttext image inspection io language_model layers losses",
    "metrics models ops optimizers preprocessing.sequence preprocessing.text saving text tuning utils",
    "vectors",
)
SWITCHES, PATHS = ("bool", "bool | None"), ("str | os.PathLike[str]", "PathLike")


def public_functions():
    """(name, function) of all that users call: functions, constructors and methods of this package."""
    found = {}
    for name in " ".join(MODULES).split(" "):
        module = importlib.import_module(f"embedcnn.{name}" if name else "embedcnn")
        names = set(getattr(module, "__all__", dir(module))) | set(getattr(module, "_ELSEWHERE", ()))
        for one in sorted(names):
            thing = getattr(module, one)
            if one.startswith("_") or not getattr(thing, "__module__", "").startswith("embedcnn"):
                continue
            if inspect.isclass(thing):
                found.update(methods_of(thing))
            elif inspect.isfunction(thing) and thing.__module__.split(".")[1:2] != ["base"]:
                found[f"{thing.__module__}.{thing.__qualname__}"] = thing
    return found


def methods_of(cls):
    owners = [one for one in cls.__mro__ if one.__module__.startswith("embedcnn") and one is not Parameters]
    for owner in owners:
        for name, method in vars(owner).items():
            method = getattr(method, "__func__", method)
            begins = name == "__init__" and not dataclasses.is_dataclass(owner)
            begins = begins and not issubclass(owner, Parameters)  # these check when they learn
            if inspect.isfunction(method) and (begins or not name.startswith("_")):
                yield f"{owner.__module__}.{method.__qualname__}", method


def arguments(annotations):
    """(function, argument) for each argument with one of the annotations."""
    return [
        pytest.param(function, one.name, id=f"{name.removeprefix('embedcnn.')}({one.name})")
        for name, function in sorted(public_functions().items())
        if not name.startswith(NOT_CALLED)
        for one in inspect.signature(function).parameters.values()
        if one.annotation in annotations
    ]


# Not called by users, or with checks of their own: scikit-learn's rules keep arguments as they are.
NOT_CALLED = (
    "embedcnn.bags.vectorizer.Vectorizer",
    "embedcnn.data.pipeline.Pipeline",
    "embedcnn.layers.dot_attention._Attention.over_texts",
    "embedcnn.layers.dot_attention.Attention.over_texts",
    "embedcnn.layers.python.Lambda.forward",
    "embedcnn.models.keras_files.load_keras",
    "embedcnn.models.model.Model.compute_loss",
    "embedcnn.models.model.Model.export",
    "embedcnn.models.torch_files.load_torch_weights",
    "embedcnn.optimizers.base.Optimizer.state",
    "embedcnn.optimizers.state.VariableState",
    "embedcnn.vectors.errors",
)


def called_with(function, argument, value):
    """Calls a function with nonsense for all that it must be given, and a value for one argument."""
    given, named = [], {}
    for one in inspect.signature(function).parameters.values():
        if one.name == argument:
            if one.kind is one.KEYWORD_ONLY or len(given) == 0 or one.default is not one.empty:
                named[argument] = value
                continue
            given.append(value)
        elif one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD and not named:
            given.append("a" if one.annotation in PATHS else object())
        elif one.default is one.empty and one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY):
            named[one.name] = "a" if one.annotation in PATHS else object()
    return function(*given, **named)


@pytest.mark.parametrize(("function", "argument"), arguments(SWITCHES))
def test_switches_are_true_or_false(function, argument):
    for value in ("yes", 1, 0.0, [], np.zeros((2, 2))):
        with pytest.raises(TypeError, match=f"`{argument}` must be True or False"):
            called_with(function, argument, value)


@pytest.mark.parametrize(("function", "argument"), arguments(PATHS))
def test_paths_are_paths(function, argument):
    for value in (5, 2.5, ["a"], {"a": 1}, object()):
        with pytest.raises(TypeError, match=f"`{argument}` must be a path"):
            called_with(function, argument, value)
    with pytest.raises(ValueError, match=f"`{argument}` must be a path without NUL"):
        called_with(function, argument, "a\0b")


def test_there_is_much_to_check():
    assert len(arguments(SWITCHES)) > 200 and len(arguments(PATHS)) > 20


def test_positions_names_and_none():
    @checked
    def function(first, quick: bool = False, *rest: object, where: str | os.PathLike[str] | None = None):
        return first, quick, rest, where

    assert function(1, np.True_, 3, where=b"a/b") == (1, True, (3,), "a/b")
    assert function("yes") == ("yes", False, (), None)
    with pytest.raises(TypeError, match=r"`where` must be a path or None. Received: where=3"):
        function(1, where=3)
    with pytest.raises(TypeError, match=r"`quick` must be True or False. Received: quick='no'"):
        function(1, "no")
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'first'"):
        function()


def test_paths_keep_their_kind(tmp_path):
    assert path("where", "a") == "a" and path("where", tmp_path) is tmp_path and path("where", b"a") == "a"


def test_a_model_is_saved_to_bytes_too(tmp_path):
    model = embedcnn.Sequential([embedcnn.Input((2,)), embedcnn.layers.Dense(1)])
    name = os.fsencode(tmp_path / "model.embedcnn")
    model.save(name)
    assert embedcnn.models.load_model(name).count_params() == 3


def test_an_array_is_no_single_value():
    @checked
    def function(count: int | None = None, share: float = 0.5, name: str = "a", sizes: int | list[int] = 1):
        return count, share, name

    assert function(np.int64(3), np.float32(0.5), "b", np.arange(2)) == (3, 0.5, "b")
    assert function(np.array(3)) == (np.array(3), 0.5, "a")
    for argument, what in (("count", "an integer"), ("share", "a number"), ("name", "a string")):
        with pytest.raises(
            ValueError, match=f"`{argument}` must be {what}, not an array. Received: {argument}="
        ):
            function(**{argument: np.array([1, 2])})
