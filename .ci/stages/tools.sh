#!/usr/bin/env bash
# clang, its sanitizers' run-time and a C compiler, from Debian's packages where they are missing
. "$(dirname "$0")/../environment.sh"

missing=()
command -v gcc >/dev/null || missing+=(gcc libc6-dev)
command -v git >/dev/null || missing+=(git)
command -v nm >/dev/null || missing+=(binutils)
command -v clang >/dev/null || missing+=(clang)
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv python3-dev)
command -v llvm-symbolizer >/dev/null || missing+=(llvm)

become_root=()
[ "$(id -u)" -eq 0 ] || become_root=(sudo -n)
install_debian() {
    echo "installing $*"
    DEBIAN_FRONTEND=noninteractive "${become_root[@]}" apt-get -qq -o Dpkg::Use-Pty=0 install -y \
        --no-install-recommends "$@" </dev/null >"$WORK/apt.log" 2>&1 || { cat "$WORK/apt.log" >&2; return 1; }
}

has_fuzzer() {
    printf '#include <stddef.h>\n#include <stdint.h>\nint LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)\n{\n    return d && n ? 0 : 0;\n}\n' \
        >"$WORK/fuzzer.c"
    clang -fsanitize=fuzzer,address,undefined "$WORK/fuzzer.c" -o "$WORK/fuzzer" 2>/dev/null
}

if [ ${#missing[@]} -gt 0 ] || ! has_fuzzer; then
    "${become_root[@]}" apt-get -qq update </dev/null
    [ ${#missing[@]} -eq 0 ] || install_debian "${missing[@]}"
    # The run-time belongs to clang's major version: libclang-rt-14-dev, libclang-rt-19-dev ...
    has_fuzzer || install_debian "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
    has_fuzzer || { echo "clang cannot link a sanitized fuzz target" >&2; exit 1; }
fi
gcc --version | head -n 1
clang --version | head -n 1
python3 --version
