#!/usr/bin/env bash
# the tests on every instruction set of the machine, each with 1, 2 and 3 threads
. "$(dirname "$0")/../environment.sh"

python=$(test_environment)/bin/python
copy=$WORK/tests
copy_checkout "$copy"
EMBEDCNN_REQUIRE_OPENMP=1 build_in "$copy" "$python"
cd "$copy"
mapfile -t rungs < <("$python" -c "from embedcnn import _core; print(*_core.kernels()['available'], sep='\n')")
echo "instruction sets: ${rungs[*]}"

# The README's second command has run everything once, with the best instruction set and all CPUs, and there the
# tests of operations went through every pair by themselves. Here every pair has its turn with all others: models,
# programs, optimizers; text, word vectors and files, which have no kernels of their own, once per number of threads.
independent=(tests/structure tests/datasets tests/data tests/cli tests/notebooks tests/base tests/kernels tests/matrix
    tests/fuzz)
without_kernels=(tests/text tests/preprocessing tests/vectors tests/test_saving.py tests/test_backup.py
    tests/test_replacement.py)
for rung in "${rungs[@]}"; do
    counts=(1 2 3)
    case $rung in avx512_bf16 | amx) counts=(2) ;; esac # number formats for products, else as avx512
    skipped=("${independent[@]}")
    [ "$rung" = "${rungs[0]}" ] || skipped+=("${without_kernels[@]}")
    for threads in "${counts[@]}"; do
        export EMBEDCNN_ISA=$rung OMP_NUM_THREADS=$threads
        echo "--- EMBEDCNN_ISA=$rung OMP_NUM_THREADS=$threads"
        run_pytest "$python" tests --ambient "${skipped[@]/#/--ignore=}"
    done
done
