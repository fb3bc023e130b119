#!/usr/bin/env bash
# the tests with address and undefined-behaviour sanitizers in the core
. "$(dirname "$0")/../environment.sh"

python=$(test_environment)/bin/python
copy=$WORK/sanitizers
copy_checkout "$copy"
# Python's own flags have -fwrapv, under which no overflow of signed numbers is looked for.
export EMBEDCNN_CFLAGS='-fsanitize=address,undefined -fno-sanitize-recover=all -fno-wrapv -fno-omit-frame-pointer -O1 -g'
export EMBEDCNN_LDFLAGS='-fsanitize=address,undefined'
CC=gcc EMBEDCNN_REQUIRE_OPENMP=1 build_in "$copy" "$python"
cd "$copy"

# Python is not instrumented: the run-time must be there before it, its own leaks are none of ours, and its small
# objects come from malloc, so that a read behind one is seen. The libraries are gcc's own, wherever they are.
# The address sanitizer's reports go to files, so that none is lost in a process whose output nobody looks at; the
# other one's go to the log, as pytest leaves the descriptors alone (--capture=sys).
reports=$WORK/sanitizer-reports
rm -rf "$reports"
mkdir -p "$reports"
export ASAN_OPTIONS=detect_leaks=0:halt_on_error=1:allocator_may_return_null=1:detect_stack_use_after_return=0
ASAN_OPTIONS+=:log_path=$reports/report
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export PYTHONMALLOC=malloc EMBEDCNN_HYPOTHESIS=sanitizers
preload="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)"

# Two mistakes made on purpose must be seen, else the whole stage would prove nothing.
cat >"$WORK/canary.c" <<'CANARY'
#include <stdlib.h>
#include <string.h>
char *block; /* not static: the compiler must not see that nobody reads it */
int write_behind(int bytes)
{
    block = malloc(8);
    return block && memset(block, 1, (size_t)bytes);
}
int overflow(int number) { return 2147483600 + number; }
CANARY
inherited=$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("CFLAGS"))')
# shellcheck disable=SC2086
gcc $inherited $EMBEDCNN_CFLAGS -fPIC -shared "$WORK/canary.c" -o "$WORK/canary.so" $EMBEDCNN_LDFLAGS
expect_report() {
    local code="import ctypes; ctypes.CDLL('$WORK/canary.so').$1"
    if LD_PRELOAD=$preload "$python" -c "$code" 2>"$WORK/canary.log" || ! grep -rq "$2" "$WORK/canary.log" "$reports"; then
        cat "$WORK/canary.log" >&2
        echo "the sanitizers did not report $1 as $2" >&2
        exit 1
    fi
    rm -f "$reports"/*
}
expect_report 'write_behind(9)' heap-buffer-overflow
expect_report 'overflow(100)' 'signed integer overflow'

status=0
LD_PRELOAD=$preload run_pytest "$python" tests --ignore=tests/structure --ignore=tests/datasets --ignore=tests/kernels \
    --ignore=tests/estimators --ignore=tests/tuning \
    --ignore=tests/matrix --capture=sys || status=$?
for report in "$reports"/*; do # also from processes whose end no test looked at
    [ -e "$report" ] || continue
    head -n 60 "$report" >&2
    status=1
done
exit "$status"
