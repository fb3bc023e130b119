#!/usr/bin/env bash
# gcc and clang build everything without a warning
. "$(dirname "$0")/../environment.sh"

python=$(test_environment)/bin/python
for compiler in gcc clang; do
    copy_checkout "$WORK/warnings-$compiler"
    CC=$compiler EMBEDCNN_CFLAGS=-Werror build_in "$WORK/warnings-$compiler" "$python"
    (cd "$WORK/warnings-$compiler" && "$python" -c "from embedcnn import _core; print(_core.build_info())")
done
