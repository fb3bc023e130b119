#!/usr/bin/env bash
# the tests on every instruction set of the machine, and with 1, 2 and 3 threads
. "$(dirname "$0")/../environment.sh"

python=$(test_environment)/bin/python
copy=$WORK/tests
copy_checkout "$copy"
EMBEDCNN_REQUIRE_OPENMP=1 build_in "$copy" "$python"
cd "$copy"
mapfile -t rungs < <("$python" -c "from embedcnn import _core; print(*_core.kernels()['available'], sep='\n')")
echo "instruction sets: ${rungs[*]}"

# The README's second command has run everything once, with the best instruction set and all CPUs, and there the
# tests of operations had some pairs of instruction set and threads; here are the rest. All others (models, programs,
# optimizers) have each instruction set once and, with the best of the usual ones, 1, 2 and 3 threads; text, word
# vectors and files, which have no kernels of their own, only the first time.
independent=(tests/structure tests/datasets tests/data tests/cli tests/notebooks tests/base tests/kernels tests/matrix
    tests/fuzz tests/estimators tests/tuning tests/inspection)
without_kernels=(tests/text tests/preprocessing tests/vectors tests/saving/test_model_file.py
    tests/callbacks/test_backup.py tests/base/test_replacement.py)
run_pytest "$python" tests --pairs rest
best=${rungs[0]}
for rung in "${rungs[@]}"; do
    case $rung in avx512_bf16 | amx) ;; *) best=$rung ;; esac # those are number formats for products, else as avx512
done
for rung in "${rungs[@]}"; do
    counts=(2)
    [ "$rung" != "$best" ] || counts=(1 2 3)
    skipped=("${independent[@]}")
    [ "$rung" = "${rungs[0]}" ] || skipped+=("${without_kernels[@]}")
    for threads in "${counts[@]}"; do
        export EMBEDCNN_ISA=$rung OMP_NUM_THREADS=$threads
        echo "--- EMBEDCNN_ISA=$rung OMP_NUM_THREADS=$threads"
        run_pytest "$python" tests --ambient "${skipped[@]/#/--ignore=}"
    done
done
