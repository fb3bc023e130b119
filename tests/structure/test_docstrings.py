"""Every class, function and method that users reach says in a sentence what it is.

The dialect: one sentence that names shapes, dtypes and units; in the same paragraph where the thing comes
from, as "As keras.layers.Dense."; what else there is to know, and what raises; where arguments are explained
one by one, NumPy's sections (Parameters, Returns, Raises, Examples); an example that runs. Names in single
backticks, lines of at most 110 columns.
"""

import ast
import importlib
import inspect
import pathlib

import pytest

PACKAGE = pathlib.Path(__file__).parents[2] / "embedcnn"
PUBLIC = (
    [
        "",
        "activations",
        "bags",
        "callbacks",
        "classifier",
        "constraints",
        "data",
        "datasets",
        "distributed",
        "encoding",
        "image",
        "initializers",
        "inspection",
        "io",
    ]
    + ["language_model", "layers", "losses", "metrics", "models", "onnx", "ops", "optimizers"]
    + ["optimizers.schedules"]
    + [
        "preprocessing.sequence",
        "preprocessing.text",
        "ragged",
        "random",
        "regularizers",
        "runtime",
        "sklearn",
        "text",
        "tuning",
        "utils",
    ]
    + ["variables", "vectors", "vocabulary"]
)


def described(thing):
    """Whether the thing itself, or what it overrides, has a docstring."""
    return bool(inspect.getdoc(thing))


def without_docstring(module):
    """Public names of a module, and their methods and properties, that nothing describes."""
    for name, thing in vars(module).items():
        own = getattr(thing, "__module__", None) or ""
        if name.startswith("_") or not own.startswith("embedcnn") or inspect.ismodule(thing):
            continue
        if not (inspect.isclass(thing) or inspect.isfunction(thing)):
            continue
        if not described(thing):
            yield name
        for method, kept in vars(thing).items() if inspect.isclass(thing) else ():
            callable_or_property = inspect.isfunction(kept) or isinstance(
                kept, (classmethod, staticmethod, property)
            )
            if callable_or_property and not method.startswith("_") and not described(getattr(thing, method)):
                yield f"{name}.{method}"


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_have_docstrings(name):
    module = importlib.import_module(f"embedcnn.{name}".rstrip("."))
    assert not sorted(without_docstring(module))


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_modules_say_what_they_are(path):
    assert ast.get_docstring(ast.parse(path.read_text()))
