#!/usr/bin/env bash
# the tests on every instruction set of the machine, with 1, 2 and 3 threads
. "$(dirname "$0")/../environment.sh"

python=$(test_environment)/bin/python
copy=$WORK/tests
copy_checkout "$copy"
EMBEDCNN_REQUIRE_OPENMP=1 build_in "$copy" "$python"
cd "$copy"
mapfile -t rungs < <("$python" -c "from embedcnn import _core; print(*_core.kernels()['available'], sep='\n')")
echo "instruction sets: ${rungs[*]}"

# The README's second command has run everything once, with the best instruction set and all CPUs. Here: what
# depends on them. A run takes one rung and one number of threads, until every one of both had its turn.
independent=(tests/structure tests/datasets tests/data tests/preprocessing tests/kernels tests/matrix tests/fuzz)
runs=$((${#rungs[@]} > 3 ? ${#rungs[@]} : 3))
for ((run = 0; run < runs; run++)); do
    export EMBEDCNN_ISA=${rungs[run % ${#rungs[@]}]} OMP_NUM_THREADS=$((run % 3 + 1))
    echo "--- EMBEDCNN_ISA=$EMBEDCNN_ISA OMP_NUM_THREADS=$OMP_NUM_THREADS"
    run_pytest "$python" tests "${independent[@]/#/--ignore=}"
done
