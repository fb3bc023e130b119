"""`embedcnn export`: a saved model becomes an ONNX graph."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from embedcnn.commands import arguments as options
from embedcnn.commands.errors import CommandError
from embedcnn.commands.model_file import check_target, load_any_model, same_file

EPILOG = """\
The graph gives what `embedcnn predict` does, in any runtime of ONNX. It takes ids, padded with 0 where the
model masks that; with --ragged the lengths of the texts beside them; with --text strings, where the model's
text encoder only lower-cases and splits at white space. The words stand beside m.onnx, in m.vocabulary.txt.
Needs pip install 'embedcnn[onnx]'.

examples:
  embedcnn export model.embedcnn --out model.onnx
  embedcnn export model.embedcnn --out model.onnx --ragged
"""


def add_command(commands: Any) -> None:
    """Adds `export`."""
    parser = commands.add_parser(
        "export",
        help="a model becomes an ONNX graph",
        description="Write a saved model as an ONNX graph.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="a file that embedcnn train or model.save has written")
    parser.add_argument("--out", metavar="FILE", required=True, help="write the graph there (.onnx)")
    parser.add_argument("--text", action="store_true", help="the graph takes texts")
    parser.add_argument("--ragged", action="store_true", help="the graph takes the lengths of texts")
    parser.add_argument(
        "--opset",
        type=options.count(1),
        metavar="N",
        help="version of ONNX's operations (default: 18, with --text 20)",
    )
    parser.add_argument("--force", action="store_true", help="replace a file that is no graph")
    options.add_debug(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs `export`."""
    out = arguments.out
    if same_file(arguments.model, out):
        raise CommandError(f"--out: {out!r} is the model; choose another name")
    if warning := check_target(out, arguments.force or out.endswith(".onnx")):
        print(f"embedcnn: {warning}", file=sys.stderr)
    model = load_any_model(arguments.model)
    model.export(out, text=arguments.text, ragged=arguments.ragged, opset=arguments.opset)
    for what, tensors in zip(("takes", "gives"), ends(out), strict=True):
        for name, kind, sizes in tensors:
            print(f"{what}  {name}: {kind} ({', '.join(map(str, sizes))})")
    print(f"{os.path.getsize(out) / 1e6:.2f} MB  {out}")
    return 0


def ends(path: str) -> list[list[tuple[str, str, list[Any]]]]:
    """Names, dtypes and sizes of the inputs of a graph, and of its outputs."""
    import onnx  # the extra, which has just written the file

    graph = onnx.load(path, load_external_data=False).graph
    found = []
    for tensors in (graph.input, graph.output):
        made = []
        for one in tensors:
            kind = onnx.TensorProto.DataType.Name(one.type.tensor_type.elem_type).lower()
            sizes = [size.dim_param or size.dim_value for size in one.type.tensor_type.shape.dim]
            made.append((one.name, kind, sizes))
        found.append(made)
    return found
