"""Threads and files of a pipeline end with its iterator: exhausted, closed, dropped, interrupted, failed."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from embedcnn.data import Dataset


def pipeline_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("embedcnn-data")]


def open_files():
    return sorted(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else []


@pytest.fixture(autouse=True)
def nothing_left():
    gc.collect()
    files = open_files()
    yield
    gc.collect()
    assert pipeline_threads() == []
    assert open_files() == files


@pytest.fixture
def dataset(tmp_path):
    path = tmp_path / "numbers.txt"
    path.write_text("".join(f"{i}\n" for i in range(10_000)))

    def lines():
        with open(path) as file:
            yield from file

    return (
        Dataset.from_generator(lines)
        .prefetch(1)
        .map(int, num_parallel_calls=2)
        .interleave(lambda x: Dataset.from_tensors(x).repeat(2), cycle_length=3, num_parallel_calls=2)
        .shuffle(5, seed=1)
        .batch(3)
        .prefetch(2)
    )


def test_exhausted(dataset):
    assert sum(len(batch) for batch in dataset.take(50)) == 150


def test_dropped(dataset):
    elements = iter(dataset)
    next(elements)
    assert pipeline_threads()
    del elements


def test_loop_left(dataset):
    for _ in dataset:
        break


def test_closed_twice_and_then_empty(dataset):
    elements = iter(dataset)
    next(elements)
    elements.close()
    assert pipeline_threads() == []
    elements.close()
    assert list(elements) == []


def test_never_started(dataset):
    iter(dataset).close()
    del dataset


def test_error_in_the_consumer(dataset):
    with pytest.raises(KeyError), iter(dataset) as elements:
        next(elements)
        raise KeyError


@pytest.mark.parametrize("stage", ["map", "filter"])
def test_error_in_the_pipeline(dataset, stage):
    failing = getattr(dataset.unbatch(), stage)(lambda x: 1 // (int(x) - 40)).prefetch(2)
    with pytest.raises(ZeroDivisionError):
        list(failing)


def test_error_while_zip_opens_its_sources(dataset):
    def refuse():
        raise OSError("no such thing")

    with pytest.raises(OSError, match="no such thing"):
        list(Dataset.zip(dataset, Dataset.from_generator(refuse).prefetch(1)))


def test_iterator_in_a_reference_cycle(dataset):
    holder = {}
    holder["self"] = holder
    holder["elements"] = iter(dataset)
    next(holder["elements"])
    del holder
    gc.collect()


def test_two_threads_share_an_iterator():
    elements = iter(Dataset.range(2000).map(lambda x: x, num_parallel_calls=2))
    seen = [[], []]
    threads = [threading.Thread(target=lambda part: part.extend(elements), args=(part,)) for part in seen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen[0] + seen[1]) == list(range(2000))


def test_parallel_map_keeps_a_bounded_window():
    started = []
    elements = iter(Dataset.range(1000).map(lambda x: started.append(x) or x, num_parallel_calls=2))
    next(elements)
    time.sleep(0.05)
    assert len(started) <= 5
    elements.close()


def test_prefetch_runs_ahead_but_not_further():
    made = []
    elements = iter(Dataset.range(100).map(lambda x: made.append(x) or x).prefetch(3))
    assert next(elements) == 0
    deadline = time.monotonic() + 60
    while len(made) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert len(made) == 5  # one taken, three ready, one waiting for room
    elements.close()


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("operation", ["map", "prefetch"])
def test_interrupt_while_waiting(operation):
    made = []

    def slow(x):
        time.sleep(0.05 if x < 3 else 0.4)
        made.append(x)
        return x

    dataset = Dataset.range(100).map(slow, num_parallel_calls=2 if operation == "map" else None)
    dataset = dataset.prefetch(1) if operation == "prefetch" else dataset
    with pytest.raises(KeyboardInterrupt):
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        list(dataset)
    assert len(made) < 50  # it did not wait for the others


RUNS = {
    "forgotten": "elements = iter(dataset); print(next(elements))",
    "cycle": "class A: pass\na = A(); a.a = a; a.elements = iter(dataset); print(next(a.elements))",
    "fork": (
        "import os\nelements = iter(dataset); print(next(elements), flush=True)\npid = os.fork()\n"
        "if pid == 0:\n    try: next(elements)\n    except RuntimeError as e: print(e, flush=True)\n"
        "    os._exit(0)\n"
        "os.waitpid(pid, 0)"
    ),
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.parametrize("name", RUNS)
def test_interpreter_ends(name):
    code = (
        "from embedcnn.data import Dataset\n"
        "dataset = Dataset.range(10**9).map(lambda x: x, num_parallel_calls=2).prefetch(2)\n" + RUNS[name]
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith("0")
    if name == "fork":
        assert "started before a fork" in done.stdout
