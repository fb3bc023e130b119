#!/usr/bin/env bash
# the source distribution is complete: it installs, and holds what it takes to work on the project
. "$(dirname "$0")/../environment.sh"

python=$(test_environment)/bin/python
copy_checkout "$WORK/package"
(cd "$WORK/package" && "$python" setup.py --quiet sdist --dist-dir "$WORK/dist" >"$WORK/sdist.log" 2>&1) ||
    { cat "$WORK/sdist.log" >&2; exit 1; }
archive=$(ls "$WORK"/dist/*.tar.gz)
tar -tzf "$archive" >"$WORK/sdist.list"
for wanted in LICENSE pyproject.toml csrc/kernels/isa/avx2.c csrc/kernels/body/gemm.h embedcnn/_core.pyi \
    embedcnn/py.typed tests/conftest.py tests/reference.py; do
    grep -q "/$wanted\$" "$WORK/sdist.list" || { echo "the source distribution lacks $wanted" >&2; exit 1; }
done

installed=$(environment package 'setuptools>=77')
started=$SECONDS
install_packages "$installed" "$archive"
echo "pip install of the source distribution: $((SECONDS - started)) s"
cd "$WORK/dist" # not the checkout: the installed package must be what is imported
"$installed/bin/python" - <<'PYTHON'
from importlib.metadata import files
from pathlib import Path

import embedcnn

folder = Path(embedcnn.__file__).parent
installed = [path for path in folder.rglob("*") if path.is_file()]
size = sum(path.stat().st_size for path in installed)
compiled = sum(path.stat().st_size for path in installed if path.suffix == ".pyc")  # pip's, a little more than the source
print(f"installed: {size / 1e6:.1f} MB, {compiled / 1e6:.1f} MB of it byte code, {embedcnn.show_config()}")
assert "site-packages" in folder.parts, folder
assert size - compiled <= 7_500_000, f"{size - compiled} bytes without byte code: more than the 7.5 MB allowed"
assert (folder / "py.typed").is_file() and (folder / "_core.pyi").is_file()
assert not [path for path in files("embedcnn") if path.parts[0] in ("tests", "csrc", "benchmarks", "notebooks")]
PYTHON
