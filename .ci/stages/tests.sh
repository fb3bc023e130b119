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

# The README's second command has run everything once, with the best instruction set and all CPUs, except for the
# middle of sweeps over instruction sets and threads, what is slow, and most of what hypothesis draws: here are these.
run_pytest "$python" tests --pairs rest --ignore=tests/notebooks
EMBEDCNN_HYPOTHESIS=all run_pytest "$python" tests --pairs all -m hypothesis

# All others (models, programs, optimizers) have the other instruction sets with two threads, and the best of the usual
# ones with 1 and 3; but for texts, word vectors, bags, files and mistakes, which have no kernels of their own.
without_kernels=(structure datasets data image cli notebooks base kernels matrix fuzz text preprocessing vectors metrics classifier
    estimators tuning inspection fasttext saving/test_model_file.py callbacks/test_backup.py callbacks/test_tensorboard.py)
for name in empty_texts hostile_files labels_by_name limits_of_memory_and_threads names_that_programs_use numbers_of_numpy \
    own_functions_of_texts pipes progress_shown texts_of_tables vector_files_that_change what_objects_say writing_files; do
    without_kernels+=("situations/test_$name.py")
done
for name in tests/bags/test_*.py; do
    [ "$name" = tests/bags/test_product_form.py ] || without_kernels+=("${name#tests/}")
done
best=${rungs[0]}
for rung in "${rungs[@]}"; do
    case $rung in avx512_bf16 | amx) ;; *) best=$rung ;; esac # those are number formats for products, else as avx512
done
for rung in "${rungs[@]}"; do
    counts=(2)
    [ "$rung" != "${rungs[-1]}" ] || counts=()
    [ "$rung" != "$best" ] || counts=(1 3)
    for threads in "${counts[@]}"; do
        export EMBEDCNN_ISA=$rung OMP_NUM_THREADS=$threads
        echo "--- EMBEDCNN_ISA=$rung OMP_NUM_THREADS=$threads"
        run_pytest "$python" tests --ambient --ignore-glob='*misuse.py' "${without_kernels[@]/#/--ignore=tests/}"
    done
done
