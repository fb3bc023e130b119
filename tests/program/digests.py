"""The bits of many small models after training, to hold a change of structure to.

    PYTHONPATH=. python tests/program/digests.py --write before.json      before the change
    PYTHONPATH=. python tests/program/digests.py --compare before.json    after it

`--compare` names each model whose bits differ, and ends with status 1. It runs on any version: the embedcnn
that Python finds is used, and named. Bits depend on the instruction set and the compiler, so compare on one
machine; they do not depend on the number of threads.
"""

import argparse
import hashlib
import json
import sys
import warnings
from pathlib import Path

import numpy as np

import embedcnn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from program.digest_cases import MODELS  # noqa: E402 - found where this script lies


def digest(arrays):
    """The bits of arrays, their shapes and dtypes."""
    found = hashlib.sha256()
    for array in arrays:
        array = np.ascontiguousarray(array)
        assert np.isfinite(array).all(), "NaN would hide a difference"
        found.update(f"{array.dtype} {array.shape}".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def digests(names=None, threads=0):
    """{model: digest} of these models, or of all."""
    embedcnn.set_num_threads(threads)
    found = {}
    for name in names or MODELS:
        embedcnn.utils.set_random_seed(11)
        found[name] = digest(MODELS[name]())
    embedcnn.set_num_threads(0)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", metavar="FILE", help="write the digests")
    parser.add_argument("--compare", metavar="FILE", help="compare with digests written before")
    parser.add_argument("--threads", type=int, default=0, help="of a step (bits do not depend on it)")
    parser.add_argument("--only", metavar="NAME", nargs="+", help="only these models")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"embedcnn of {Path(embedcnn.__file__).parent}", file=sys.stderr)
    config = embedcnn.show_config()
    machine = {name: config[name] for name in ("compiler", "instruction_set", "matmul_formats", "numpy")}
    found = digests(arguments.only, arguments.threads)
    if arguments.write:
        with open(arguments.write, "w") as file:
            json.dump({"machine": machine, "digests": found}, file, indent=1)
    if not arguments.compare:
        print(f"{len(found)} models" if arguments.write else json.dumps(found, indent=1))
        return 0
    with open(arguments.compare) as file:
        before = json.load(file)
    if before["machine"] != json.loads(json.dumps(machine)):
        print(f"other machine: {before['machine']}, now {machine}")
    differ = [name for name, value in found.items() if before["digests"].get(name) != value]
    gone = [] if arguments.only else [name for name in before["digests"] if name not in found]
    for name in differ:
        print(f"{'differs' if name in before['digests'] else 'not in the file'}: {name}")
    for name in gone:
        print(f"no longer trained: {name}")
    print(f"{len(found) - len(differ)} of {len(found)} models have the same bits")
    return 1 if differ or gone else 0


if __name__ == "__main__":
    sys.exit(main())
