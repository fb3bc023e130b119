"""`embedcnn info`: this installation, or a saved model."""

from __future__ import annotations

import argparse
import os
from typing import Any

from embedcnn.commands import arguments as options
from embedcnn.commands.model_file import is_fasttext, load_any_model
from embedcnn.runtime import show_config

EPILOG = """\
examples:
  embedcnn info
  embedcnn info model.embedcnn
"""


def add_command(commands: Any) -> None:
    """Adds `info`."""
    parser = commands.add_parser(
        "info",
        help="about this installation, or about a model",
        description="Show version, instruction set, precision and threads; or what a saved model is.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", nargs="?", help="a saved model")
    options.add_debug(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs `info`."""
    rows = installation() if arguments.model is None else []
    fasttext = arguments.model is not None and is_fasttext(arguments.model)
    if fasttext:
        rows = described_fasttext(arguments.model)
    elif arguments.model is not None:
        model = load_any_model(arguments.model)
        rows = described(arguments.model, model)
    wide = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{wide}}  {value}")
    if arguments.model is not None and not fasttext:
        print()
        model.summary(expand_nested=True)
    return 0


def installation() -> list[tuple[str, str]]:
    """What `show_config` says, as lines."""
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


def described_fasttext(path: str) -> list[tuple[str, str]]:
    """A model of fastText's: size, labels, words and how it was trained, as lines."""
    from embedcnn.fasttext import load_model  # start-up

    model = load_model(path)
    labels = model.labels if model.args["model"] == "supervised" else []
    listed = ", ".join(labels[:20]) + (", ..." if len(labels) > 20 else "")
    small = ", quantised" if model.is_quantized() else ""
    return [
        ("file", f"{path} ({os.path.getsize(path) / 1e6:.1f} MB{small})"),
        ("labels", f"{len(labels)}: {listed}" if labels else "none: word vectors"),
        ("vocabulary", f"{len(model.words)} words"),
        ("settings", ", ".join(f"{name}={value}" for name, value in model.args.items())),
    ]


def described(path: str, model: Any) -> list[tuple[str, str]]:
    """A model's size, and the labels and the vocabulary that it has, as lines."""
    rows = [("file", f"{path} ({os.path.getsize(path) / 1e6:.1f} MB)")]
    if model.labels is not None:
        listed = ", ".join(map(str, model.labels[:20])) + (", ..." if len(model.labels) > 20 else "")
        rows.append(("labels", f"{len(model.labels)}: {listed}"))
    encoder = model.text_encoder
    if hasattr(encoder, "token_count"):
        rows.append(("vocabulary", f"{encoder.token_count} {encoder.unit}"))
    elif hasattr(encoder, "vocabulary"):
        rows.append(("vocabulary", f"{len(encoder.vocabulary)} entries"))
    elif encoder is not None:
        rows.append(("vocabulary", type(encoder).__name__))
    return [*rows, ("parameters", f"{model.count_params():,}")]
