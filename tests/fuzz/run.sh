#!/bin/sh
# Builds the fuzz targets with clang's libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer, and runs them, as
# many at once as there are CPUs.
# Usage: tests/fuzz/run.sh SECONDS [target ...]      (CLANG: the compiler, FUZZ_BUILD: where to build; kept, it holds
# the corpora that grew.) The folder found-TARGET gets what breaks a target, and the script then ends with 1.
set -eu
seconds=${1:?usage: run.sh SECONDS [target ...]}
shift
here=$(cd "$(dirname "$0")" && pwd)
core=$here/../../csrc
# Of csrc/bags what reads texts; its solvers, and csrc/fasttext, need the kernels: those in plain C, as no instruction set
# is asked for.
features="bags census characters emission features grams order pairs partition ranking reader table tally tile tokens transform"
build=${FUZZ_BUILD:-${TMPDIR:-/tmp}/embedcnn-fuzz}

# Builds and runs one target; what it prints is in its log, of which the end is shown when it breaks.
fuzz() {
    rm -rf "$build/found-$1" "$build/$1.passed"
    mkdir -p "$build/corpus-$1" "$build/found-$1"
    more= # what takes longest to compile, where it is needed
    case $1 in
    fasttext_*)
        more="$core/fasttext/*.c $core/bags/folded.c $core/bags/row_sums.c $core/matrix/panels.c"
        more="$more $core/kernels/*.c $core/kernels/isa/*.c"
        ;;
    esac
    {
        ${CLANG:-clang} -std=c11 -g -O1 -fno-omit-frame-pointer -ffp-contract=off \
            -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
            '-DEC_WINDOW_BYTES=((int64_t)256)' '-DEC_TILE_BYTES=((int64_t)48)' -I"$core" -I"$here" "$here/$1.c" \
            "$core"/vectors/*.c $(printf " $core/bags/%s.c" $features) $more "$core"/text/*.c "$core"/base/*.c -lm -lpthread -o "$build/$1" &&
            "$build/$1" -max_total_time="$seconds" -max_len=4096 -verbosity=0 -print_final_stats=1 \
                -artifact_prefix="$build/found-$1/" "$build/corpus-$1" "$here/corpus/$1" &&
            touch "$build/$1.passed"
    } >"$build/$1.log" 2>&1 || true
    if [ -f "$build/$1.passed" ]; then
        echo "$1: $(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$1.log") inputs"
    else
        tail -n 60 "$build/$1.log"
        echo "$1: FAILED, see $build/$1.log"
        return 1
    fi
}

if [ "${1:-}" = --one ]; then
    fuzz "$2"
    exit
fi
mkdir -p "$build"
[ $# -gt 0 ] || set -- $(cd "$here" && ls ./*.c | sed 's,^\./\(.*\)\.c$,\1,')
export FUZZ_BUILD="$build"
printf '%s\n' "$@" | xargs -P "$(nproc)" -I '{}' sh "$here/run.sh" "$seconds" --one '{}'
