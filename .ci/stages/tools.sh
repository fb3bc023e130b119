#!/usr/bin/env bash
# clang, its sanitizers' run-time, a C compiler, and an ARM processor in software, from Debian's packages where missing
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

update_debian() { "${become_root[@]}" apt-get -qq update </dev/null; }

if [ ${#missing[@]} -gt 0 ] || ! has_fuzzer; then
    update_debian
    [ ${#missing[@]} -eq 0 ] || install_debian "${missing[@]}"
    # The run-time belongs to clang's major version: libclang-rt-14-dev, libclang-rt-19-dev ...
    has_fuzzer || install_debian "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
    has_fuzzer || { echo "clang cannot link a sanitized fuzz target" >&2; exit 1; }
fi

# tests/kernels compiles the NEON kernels and runs them under qemu, and is skipped where either is missing.
has_arm() { command -v aarch64-linux-gnu-gcc >/dev/null && command -v qemu-aarch64 >/dev/null; }
if ! has_arm && ! { update_debian && install_debian gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user; }; then
    echo "!!! NEON IS NOT CHECKED: neither here nor to be installed: a compiler for ARM and qemu-aarch64" >&2
fi
gcc --version | head -n 1
clang --version | head -n 1
! has_arm || qemu-aarch64 --version | head -n 1
python3 --version
