#!/usr/bin/env bash
# no compiler: the build says what to install; one without OpenMP: it says so and works, or fails where OpenMP is required
. "$(dirname "$0")/../environment.sh"

python=$(test_environment)/bin/python
copy=$WORK/serial
copy_checkout "$copy"
if CC=$WORK/no-such-compiler build_in "$copy" "$python" 2>"$WORK/compiler.log"; then
    echo "a build without a compiler came to its end" >&2
    exit 1
fi
grep 'apt install gcc python3-dev' "$WORK/compiler.log"
cat >"$WORK/cc-without-openmp" <<'COMPILER'
#!/bin/sh
for argument in "$@"; do
    [ "$argument" != -fopenmp ] || { echo "unsupported option: -fopenmp" >&2; exit 1; }
done
exec gcc "$@"
COMPILER
chmod +x "$WORK/cc-without-openmp"
export CC=$WORK/cc-without-openmp EMBEDCNN_CFLAGS=-Werror

if EMBEDCNN_REQUIRE_OPENMP=1 build_in "$copy" "$python" 2>"$WORK/required.log"; then
    echo "EMBEDCNN_REQUIRE_OPENMP=1 was ignored" >&2
    exit 1
fi
grep 'EMBEDCNN_REQUIRE_OPENMP=1' "$WORK/required.log"
build_in "$copy" "$python" 2>"$WORK/serial.log" || { cat "$WORK/serial.log" >&2; exit 1; }
grep 'building for ONE thread' "$WORK/serial.log"
# Another compiler makes all anew, though no source has changed; the same one nothing.
before=$(stat -c %Y.%i "$copy"/embedcnn/_core.*.so)
build_in "$copy" "$python" 2>/dev/null
[ "$before" = "$(stat -c %Y.%i "$copy"/embedcnn/_core.*.so)" ] || { echo "compiled twice for nothing" >&2; exit 1; }
cd "$copy"
"$python" -c 'import embedcnn; c = embedcnn.show_config(); assert c["openmp"] is None and c["threads"] == 1, c; print(c)'
run_pytest "$python" tests/base tests/ops/test_token_conv_pool.py tests/program/test_train_step.py tests/models/test_models.py
