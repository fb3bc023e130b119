#!/usr/bin/env bash
# mypy over embedcnn/, its stub of the core against the core, and the README's examples for users of mypy and pyright
. "$(dirname "$0")/../environment.sh"

types=$(environment types 'setuptools>=77' 'numpy>=2' 'safetensors>=0.4' 'mypy>=2,<3' 'basedpyright>=1.30,<2' 'pytest>=8')/bin
copy=$WORK/types
copy_checkout "$copy"
build_in "$copy" "$types/python"
cd "$copy"
"$types/mypy" --cache-dir "$WORK/mypy"
"$types/python" -m mypy.stubtest --concise --mypy-config-file pyproject.toml embedcnn._core

# All Python examples of the README, one behind the other, as a program of a user.
"$types/python" - >readme_examples.py <<'PYTHON'
import doctest
from pathlib import Path

parser = doctest.DocTestParser()
print("".join(example.source for example in parser.get_examples(Path("README.md").read_text())))
PYTHON
[ "$(wc -l <readme_examples.py)" -gt 10 ] || { echo "the README has no Python examples" >&2; exit 1; }
cat >pyrightconfig.json <<'CONFIG'
{"include": ["readme_examples.py", "tests/structure/test_types.py"], "typeCheckingMode": "standard"}
CONFIG
"$types/mypy" --cache-dir "$WORK/mypy" --config-file= --follow-imports=silent readme_examples.py
"$types/basedpyright" --pythonpath "$types/python"
