"""Convolutions of images, forward and backward: share of the peak of fused multiply-adds, and PyTorch beside.

    python benchmarks/conv2d.py [--threads 2] [--cases 3x3 first ...] [--processor-time] [--json FILE]

A convolution of 16 images of 56 x 56 with 64 channels by 64 filters of 3 x 3 ("3x3"), the first layer of a
network (3 channels, 32 images of 100 x 100), single pixels ("1x1"), strides, and small images with many
channels. Gradients of input (but for the first layer), kernel and bias. PyTorch holds images channels_last;
both take turns. The share is that of the operation, without what Python adds to a call; the peak that of one
register tile whose operands are in the first cache, on as many threads, measured in the same run (gemm.py).
On a busy machine: --threads 1 --processor-time, what Python adds then included.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import peers

sys.path.append(str(peers.ROOT / "tests"))

#: images, side, channels, filters, taps along an axis, strides
SHAPES = {
    "3x3": (16, 56, 64, 64, 3, 1),
    "first": (32, 100, 3, 32, 3, 1),
    "1x1": (32, 96, 32, 64, 1, 1),
    "strides": (16, 56, 64, 128, 3, 2),
    "small": (8, 14, 256, 256, 3, 1),
}
GOALS = {"3x3": 75.0}


def arrays(case):
    images, side, channels, filters, taps, _ = SHAPES[case]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(images, side, side, channels)).astype(np.float32)
    return x, (rng.normal(size=(taps, taps, channels, filters)) * 0.1).astype(np.float32)


def work(case):
    """Multiplications and additions of a step."""
    images, side, channels, filters, taps, strides = SHAPES[case]
    passes = 2 if case == "first" else 3
    return 2.0 * passes * images * (-(-side // strides)) ** 2 * filters * channels * taps**2


def serve_embedcnn(case, threads):
    """Answers with the milliseconds of the operation's two passes."""
    import embedcnn
    from embedcnn import _core

    embedcnn.set_num_threads(threads)
    x, kernel = arrays(case)
    settings = {"padding": "same", "stride_rows": SHAPES[case][5], "stride_cols": SHAPES[case][5]}
    program = _core.Program(
        [("x", "float32", None, x.shape[1:])],
        [("kernel", kernel.shape), ("bias", kernel.shape[3:])],
        [("conv2d", (0,), (1,), (0, 1), settings)],
        (1,),
        input_gradients=case != "first",
    )
    for number, value in enumerate([kernel, np.zeros(kernel.shape[3], np.float32)]):
        program.bind(number, value, True, [], np.zeros(1, np.int64))
    d_out = [np.ones_like(program.forward([x], training=True)[0])]
    program.set_timed(True)
    print(json.dumps({"ready": "embedcnn"}), flush=True)
    for line in sys.stdin:
        spent, begin = 0, time.process_time_ns()
        for _ in range(int(line)):
            program.forward([x], training=True)
            program.backward(d_out)
            spent += sum(program.costs[0][0][:2])
        if os.environ.get(peers.PROCESSOR_TIME):
            spent = time.process_time_ns() - begin
        print(json.dumps({"ms": spent / 1e6}), flush=True)


def serve_torch(case, threads):
    import torch

    torch.set_num_threads(threads)
    x, kernel = arrays(case)
    images, strides, padding = torch.tensor(x).permute(0, 3, 1, 2), SHAPES[case][5], SHAPES[case][4] // 2
    images.requires_grad_(case != "first")
    channels_last = torch.channels_last
    weight = torch.tensor(kernel).permute(3, 2, 0, 1).contiguous(memory_format=channels_last).requires_grad_()
    bias = torch.zeros(kernel.shape[3], requires_grad=True)
    inputs = [one for one in (images, weight, bias) if one.requires_grad]
    made = torch.nn.functional.conv2d(images, weight, bias, strides, padding)
    d_out = torch.ones_like(made)

    def step(_):
        out = torch.nn.functional.conv2d(images, weight, bias, strides, padding)
        torch.autograd.grad(out, inputs, d_out)

    peers.serve(f"torch {torch.__version__}", step)


def peak():
    """GFLOP/s of one thread."""
    from native import compile_checks

    with tempfile.TemporaryDirectory() as folder:
        program = compile_checks(Path(folder), [peers.ROOT / "tests" / "matrix" / "check.c"])
        rung = str(peers.machine()["kernels"])
        running = subprocess.Popen([str(program), "--bench", rung], stdout=subprocess.PIPE, text=True)
        assert running.stdout is not None
        found = re.search(r"peak ([\d.]+) GFLOP/s", running.stdout.readline())
        running.kill()  # the rest are products
        running.wait()
    assert found is not None
    return float(found[1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cases", nargs="*", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--processor-time", action="store_true")
    parser.add_argument("--json", help="file for the results")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        name, case = arguments.serve
        (serve_embedcnn if name == "embedcnn" else serve_torch)(case, arguments.threads)
        return
    peers.warn_if_busy()
    if arguments.processor_time:
        os.environ[peers.PROCESSOR_TIME] = "1"
    one_thread, results = peak(), []
    print(f"peak of one thread {one_thread:.1f} GFLOP/s, {arguments.threads} threads")
    for case in arguments.cases:
        names = ["embedcnn", *(["PyTorch"] if peers.installed("torch") else [])]
        own = [sys.executable, os.path.abspath(__file__), "--threads", str(arguments.threads), "--serve"]
        ran = peers.race(
            [peers.Contestant(name, [*own, name, case]) for name in names],
            arguments.steps,
            arguments.rounds,
            warm=1,
        )
        best = {one.name: min(one.samples) for one in ran}
        speed = work(case) / best["embedcnn"] / 1e6
        share = 100 * speed / one_thread / arguments.threads
        goal = f" (goal {GOALS[case]:g} %)" if case in GOALS else ""
        others = {name: ms for name, ms in best.items() if name != "embedcnn"}
        beside = "".join(
            f"; {name} {ms:.2f} ms, {ms / best['embedcnn']:.2f} times" for name, ms in others.items()
        )
        print(f"{case:>8}: {best['embedcnn']:.2f} ms, {speed:.0f} GFLOP/s, {share:.0f} % of it{goal}{beside}")
        results.append({"case": case, "ms": best, "percent_of_peak": round(share, 1)})
    if arguments.json:
        taken = {"machine": peers.machine(), "date": time.strftime("%Y-%m-%d"), "peak": one_thread}
        Path(arguments.json).write_text(json.dumps({**taken, "results": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
