"""``embedcnn info``: this installation, or a saved model."""

from __future__ import annotations

import argparse
import os
from typing import Any

from embedcnn.commands.model_file import load_text_model

EPILOG = """\
examples:
  embedcnn info
  embedcnn info model.embedcnn
"""


def add_command(commands: Any) -> None:
    """Adds ``info``."""
    parser = commands.add_parser(
        "info",
        help="about this installation, or about a model",
        description="Show version, instruction set, precision and threads; or what a saved model is.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", nargs="?", help="a saved model")
    parser.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help="show the traceback of an error"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs ``info``."""
    rows = installation() if arguments.model is None else []
    if arguments.model is not None:
        model = load_text_model(arguments.model)
        rows = described(arguments.model, model)
    wide = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{wide}}  {value}")
    if arguments.model is not None:
        print()
        model.summary(expand_nested=True)
    return 0


def installation() -> list[tuple[str, str]]:
    """What ``show_config`` says, as lines."""
    from embedcnn import show_config

    config = show_config()
    formats: dict[str, str] = config["matmul_formats"]  # type: ignore[assignment]
    rest = [name for name in config["instruction_sets"] if name != config["instruction_set"]]  # type: ignore[attr-defined]
    return [
        ("version", str(config["version"])),
        ("compiler", str(config["compiler"])),
        ("OpenMP", str(config["openmp"] or "no: one thread only")),
        ("instruction set", f"{config['instruction_set']} (also there: {', '.join(rest) or 'none'})"),
        ("matrix products", ", ".join(f"{name}: {how}" for name, how in formats.items())),
        ("threads", str(config["threads"])),
        ("NumPy", str(config["numpy"])),
    ]


def described(path: str, model: Any) -> list[tuple[str, str]]:
    """A model's size, labels and vocabulary, as lines."""
    vocabulary = getattr(model.text_encoder, "vocabulary", None)
    labels = model.labels
    listed = ", ".join(map(str, labels[:20])) + (", ..." if len(labels) > 20 else "")
    return [
        ("file", f"{path} ({os.path.getsize(path) / 1e6:.1f} MB)"),
        ("labels", f"{len(labels)}: {listed}"),
        (
            "vocabulary",
            f"{len(vocabulary)} entries" if vocabulary is not None else type(model.text_encoder).__name__,
        ),
        ("parameters", f"{model.count_params():,}"),
    ]
