"""All benchmarks with one command: runs them, and makes of their results one Markdown table and one plot.

    python benchmarks/table.py [--python TF/bin/python] [--data FOLDER] [--readme]
    python benchmarks/table.py --only kim cnn1     # these anew, the others as they were measured before
    python benchmarks/table.py --only              # none anew: table and plot from the results that are there

Writes beside this file: results.json (what each benchmark gave, with machine, instruction set, threads and
versions), speed.md and speed.svg. `--readme` puts the table into README.md, between its two marks. The plot
needs Matplotlib; without it there is only the table. Takes an hour and a half; on an idle machine, please.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RACES = ("kim", "cnn1", "stacked", "lstm", "generation", "predict")
BENCHMARKS = (*RACES, "gemm", "scaling", "big_table", "memory", "accuracy")
MARKS = "<!-- speed: benchmarks/table.py --readme -->", "<!-- end of speed -->"


def run(name: str, arguments: argparse.Namespace) -> dict[str, Any] | None:
    """What one benchmark wrote; None where it failed."""
    options = []
    if name in (*RACES, "memory") and arguments.python:
        options += ["--python", arguments.python]
    if name in RACES:
        options += ["--compile"] if arguments.compile else []
        options += ["--cores", str(arguments.cores)] if arguments.cores else []
        options += ["--processor-time"] if arguments.processor_time else []
    if name == "accuracy" and arguments.data:
        options += ["--data", arguments.data]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "result.json"
        command = [sys.executable, str(HERE / f"{name}.py"), "--json", str(file), *options]
        print(f"\n== {name}", flush=True)
        status = subprocess.run(command).returncode
        if status or not file.is_file():
            print(f"left out: {name} ended with status {status}", file=sys.stderr)
            return None
        return json.loads(file.read_text())


# -- rows of the table: (workload, embedcnn, beside it, how they compare, goal) ------------------------------
def milliseconds(time: float) -> str:
    return f"{time:,.0f} ms" if time >= 100 else f"{time:.3g} ms"


def race_row(result: dict[str, Any]) -> tuple[str, ...]:
    rows, fastest = result["results"], result.get("fastest_peer")
    ours = milliseconds(rows["embedcnn"]["best_ms"])
    if fastest is None:
        return result["title"], ours, "no peer installed", "", ""
    theirs = f"{milliseconds(rows[fastest]['best_ms'])} ({rows[fastest]['version'].split(',')[0]})"
    goal = f"≥ {result['goal']:g} ×" if result["goal"] else ""
    ratio = f"**{result['ratio_best']:.1f} ×**"
    if "ratio_own_float32" in result:
        ratio += f", {result['ratio_own_float32']:.1f} × its own float32"
    return result["title"], ours, theirs, ratio, goal


def generation_row(result: dict[str, Any]) -> tuple[str, ...]:
    """Beside the usual loops of PyTorch and Keras, which have the goals, and whoever is fastest."""
    rows, goals = result["results"], {"PyTorch": 3, "Keras": 10}
    ours = rows["embedcnn"]["best_ms"]
    shown = dict.fromkeys(name for name in (*goals, result.get("fastest_peer")) if name in rows)
    theirs = ", ".join(f"{milliseconds(rows[name]['best_ms'])} ({name})" for name in shown)
    ratios = ", ".join(f"**{rows[name]['best_ms'] / ours:.1f} ×**" for name in shown)
    goal = ", ".join(f"≥ {goals[name]} × {name}" for name in goals if name in rows)
    return result["title"], milliseconds(ours), theirs or "no peer installed", ratios, goal


def sentence_row(result: dict[str, Any]) -> tuple[str, ...]:
    whole = f"{result['median_us']:.0f} µs (best {result['best_us']:.0f})"
    return result["title"], whole, "", "", f"≤ {result['goal_us']} µs"


def gemm_row(result: dict[str, Any]) -> tuple[str, ...]:
    share = f"**{result['percent_of_peak']:.0f} %** of the peak"
    return result["title"], f"{result['gflops']:.0f} GFLOP/s", "", share, f"≥ {result['goal']} %"


def threads_row(result: dict[str, Any]) -> tuple[str, ...]:
    two, one = f"{result['two_threads_ms']:.2f} ms", f"{result['one_thread_ms']:.2f} ms"
    return result["title"], two, one, f"**{result['ratio']:.2f} ×** as fast", f"≥ {result['goal']} ×"


def rows_row(result: dict[str, Any]) -> tuple[str, ...]:
    large, small = f"{result['large_ms']:.2f} ms", f"{result['small_ms']:.2f} ms"
    return result["title"], large, small, f"**{result['ratio']:.2f} ×** the time", f"≤ {result['goal']} ×"


def memory_row(result: dict[str, Any]) -> tuple[str, ...]:
    rows = result["results"]
    ours = f"{rows['embedcnn']['peak_mb']} MB"
    if "ratio" not in result:
        return result["title"], ours, "no PyTorch installed", "", ""
    share = f"**1/{result['ratio']:.1f}**"
    return (
        result["title"],
        ours,
        f"{rows['PyTorch']['peak_mb']} MB (PyTorch)",
        share,
        f"≤ 1/{result.get('goal', 3):g}",
    )


def accuracy_row(result: dict[str, Any]) -> tuple[str, ...]:
    ours = result["results"]["embedcnn"]
    whole = f"{ours['mean']:.1f} % ± {ours['deviation']:.1f}, {ours['seconds_per_epoch']:.2g} s an epoch"
    if "difference_points" not in result:
        return result["title"], whole, "no PyTorch installed", "", ""
    theirs = result["results"]["PyTorch"]
    beside = (
        f"{theirs['mean']:.1f} % ± {theirs['deviation']:.1f}, {theirs['seconds_per_epoch']:.2g} s (PyTorch)"
    )
    return result["title"], whole, beside, f"{result['difference_points']:+.1f} points", "within 0.7"


def row(benchmark: str, result: dict[str, Any]) -> tuple[str, ...]:
    if "median_us" in result:
        return sentence_row(result)
    return {
        "gemm": gemm_row,
        "scaling": threads_row,
        "big_table": rows_row,
        "memory": memory_row,
        "accuracy": accuracy_row,
        "generation": generation_row,
    }.get(benchmark, race_row)(result)


def described(machine: dict[str, Any], names: list[str]) -> str:
    load = f"load average up to {machine['load']:g}"
    cores = f"{machine['cores']} core{'s' if machine['cores'] != 1 else ''}"
    return (
        f"{', '.join(names)}: {machine['processor']}, {machine['kernels']}, {cores}, time "
        f"{machine.get('clock', 'of the wall')}, {machine['compiler']}, Python {machine['python']}, {load}"
    )


def markdown(found: dict[str, Any]) -> str:
    """The table, and under it machines and versions."""
    lines = ["| workload | embedcnn | beside it | | goal |", "|---|---|---|---|---|"]
    machines: dict[str, tuple[dict[str, Any], list[str]]] = {}
    versions: set[str] = set()
    for name in BENCHMARKS:
        if name not in found:
            continue
        for result in found[name]["results"]:
            lines.append("| " + " | ".join(row(name, result)) + " |")
            contestants = result.get("results", {}).values()
            versions |= {part for one in contestants for part in one.get("version", "").split(", ") if part}
        machine = found[name]["machine"]
        loads = machine.get("load") or 0.0
        key = json.dumps({**machine, "load": None}, sort_keys=True)
        first, names = machines.setdefault(key, ({**machine, "load": loads}, []))
        first["load"] = max(first["load"], loads)
        names.append(name)
    lines += ["", "Measured on " + "; ".join(described(*one) for one in machines.values()) + "."]
    lines += ["Versions: " + ", ".join(sorted(versions)) + "."]
    return "\n".join(lines) + "\n"


def plot(found: dict[str, Any], file: Path) -> None:
    """Bars: how many times as long the fastest peer takes, with a mark for the goal."""
    try:
        import matplotlib
    except ImportError:
        print("left out: the plot needs Matplotlib", file=sys.stderr)
        return
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "embedcnn"
    from matplotlib import pyplot

    races = [
        result
        for name in RACES
        for result in found.get(name, {"results": []})["results"]
        if "ratio_best" in result
    ]
    if not races:
        return
    figure, axes = pyplot.subplots(figsize=(8, 0.42 * len(races) + 1.2))
    places = range(len(races))
    axes.barh(places, [result["ratio_best"] for result in races], color="#2f6f9f", height=0.66)
    for place, result in zip(places, races, strict=True):
        right = max(result["ratio_best"], result["goal"] or 0) + 0.2
        axes.text(right, place, f"{result['ratio_best']:.1f} × {result['fastest_peer']}", va="center")
        if result["goal"]:
            axes.plot([result["goal"]] * 2, [place - 0.4, place + 0.4], color="#c0392b", linewidth=2)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(places, [result["title"] for result in races])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.3 * max(result["ratio_best"] for result in races))
    axes.set_xlabel("times as fast as the fastest peer of the same run (red: goal)")
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})


def write_readme(table: str) -> None:
    file = HERE.parent / "README.md"
    text = file.read_text()
    first, last = (text.index(mark) for mark in MARKS)
    file.write_text(f"{text[: first + len(MARKS[0])]}\n{table}{text[last:]}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default=os.environ.get("EMBEDCNN_PEER_PYTHON"), help="as in kim.py")
    parser.add_argument("--compile", action="store_true", help="torch.compile and Keras's XLA too")
    parser.add_argument("--cores", type=int, help="cores for the races, instead of all")
    parser.add_argument("--processor-time", action="store_true", help="as in kim.py, for the races")
    parser.add_argument("--data", help="folder for accuracy.py")
    parser.add_argument("--only", nargs="*", choices=BENCHMARKS, default=list(BENCHMARKS), help="run these")
    parser.add_argument("--readme", action="store_true", help="put the table into README.md")
    arguments = parser.parse_args()
    file = HERE / "results.json"
    found = json.loads(file.read_text()) if file.is_file() else {}
    for name in arguments.only:
        result = run(name, arguments)
        if result is not None:
            found[name] = result
            file.write_text(json.dumps(found, indent=1) + "\n")
    table = markdown(found)
    (HERE / "speed.md").write_text(table)
    plot(found, HERE / "speed.svg")
    if arguments.readme:
        write_readme(table)
    print(f"\n{table}")


if __name__ == "__main__":
    main()
