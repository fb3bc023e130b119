#!/bin/sh
# Builds the fuzz targets with clang's libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer, and runs each.
# Usage: tests/fuzz/run.sh SECONDS [target ...]      (CLANG: the compiler, FUZZ_BUILD: where to build)
# What a target finds is written to the build folder; a failing target ends the script with its status.
set -eu
seconds=${1:?usage: run.sh SECONDS [target ...]}
shift
here=$(cd "$(dirname "$0")" && pwd)
core=$here/../../csrc
build=${FUZZ_BUILD:-${TMPDIR:-/tmp}/embedcnn-fuzz}
mkdir -p "$build"
[ $# -gt 0 ] || set -- text binary number index fasttext scanner
for target in "$@"; do
    ${CLANG:-clang} -std=c11 -g -O1 -fno-omit-frame-pointer -ffp-contract=off \
        -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
        '-DEC_WINDOW_BYTES=((int64_t)256)' '-DEC_TILE_BYTES=((int64_t)48)' \
        -I"$core" -I"$here" "$here/$target.c" "$core"/vectors/*.c "$core"/text/*.c "$core"/base/*.c -lm -lpthread -o "$build/$target"
    mkdir -p "$build/corpus-$target"
    echo "== $target"
    (cd "$build" && "./$target" -max_total_time="$seconds" -max_len=4096 -verbosity=0 -print_final_stats=1 \
        "corpus-$target" "$here/corpus/$target" 2>&1 | grep -E 'ERROR|SUMMARY|runtime error|number_of_executed|Test unit' || true
        test -z "$(find . -maxdepth 1 -name 'crash-*' -o -maxdepth 1 -name 'oom-*' -o -maxdepth 1 -name 'timeout-*')")
done
