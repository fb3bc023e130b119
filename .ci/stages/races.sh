#!/usr/bin/env bash
# models loaded, copied, trained and asked in several Python threads, with the thread sanitizer in the core; fastText's
# training in teams of threads
. "$(dirname "$0")/../environment.sh"

python=$(test_environment)/bin/python
copy=$WORK/races
copy_checkout "$copy"
export EMBEDCNN_CFLAGS='-fsanitize=thread -O1 -g' EMBEDCNN_LDFLAGS=-fsanitize=thread
CC=gcc build_in "$copy" "$python"
cd "$copy"

# The OpenMP run-time is not instrumented, so each step has one thread: the threads that meet are Python's. Those of
# a step are looked at by tests/base/test_base.py.
reports=$WORK/race-reports
rm -rf "$reports"
mkdir -p "$reports"
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 TSAN_OPTIONS=log_path=$reports/report:report_signal_unsafe=0:exitcode=0
sanitized() { setarch --addr-no-randomize env LD_PRELOAD="$(gcc -print-file-name=libtsan.so)" "$@"; }

# A race made on purpose must be seen, else the whole stage would prove nothing.
cat >"$WORK/race.c" <<'CANARY'
volatile int count; /* every step of the loop must touch it */
void count_up(void)
{
    for (int i = 0; i < 10000000; i++) {
        count++;
    }
}
CANARY
# shellcheck disable=SC2086
gcc $EMBEDCNN_CFLAGS -fPIC -shared "$WORK/race.c" -o "$WORK/race.so" $EMBEDCNN_LDFLAGS
code="import ctypes, threading; count = ctypes.CDLL('$WORK/race.so').count_up
meet = threading.Barrier(4)
threads = [threading.Thread(target=lambda: (meet.wait(), count())) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()"
sanitized "$python" -c "$code" 2>"$WORK/race.log" || true
if grep -q 'unexpected memory mapping' "$WORK/race.log" "$reports"/* 2>/dev/null; then
    echo "NOT CHECKED: the thread sanitizer does not run on this kernel"
    exit 0
fi
if ! grep -q 'data race' "$reports"/* 2>/dev/null; then
    cat "$WORK/race.log" >&2
    echo "the thread sanitizer did not report a race made on purpose" >&2
    exit 1
fi
rm -f "$reports"/*

# Teams of threads that the sanitizer understands learn fastText's models: small blocks, so that a short text has many.
gcc -std=c11 -g -O1 -ffp-contract=off -fsanitize=thread -DEC_FASTTEXT_BLOCK_TOKENS=256 -DEC_FASTTEXT_SHARED_FLOATS=2048 \
    -Icsrc -Itests/base tests/fasttext_models/races.c csrc/{fasttext,bags,text,matrix,kernels,kernels/isa}/*.c \
    csrc/base/{clock,memory,status,turns}.c -lm -lpthread -o "$WORK/fasttext-races"
started=$SECONDS
TSAN_OPTIONS=exitcode=66 setarch --addr-no-randomize "$WORK/fasttext-races" ||
    { echo "fastText's training: races, or other bits" >&2; exit 1; }
echo "fastText's training: $((SECONDS - started)) s"

status=0
sanitized "$python" -m pytest -p no:cacheprovider --numprocesses=0 --timeout=600 \
    tests/situations/test_loading_in_threads.py tests/situations/test_predicting_in_threads.py </dev/null \
    >"$WORK/races.log" 2>&1 || status=$?
tail -n 100 "$WORK/races.log"
note_counts "$WORK/races.log"
for report in "$reports"/*; do
    [ -e "$report" ] || continue
    head -n 60 "$report" >&2
    status=1
done
exit "$status"
