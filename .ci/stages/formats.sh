#!/usr/bin/env bash
# clang-format for C, ruff for Python, shell scripts that parse
. "$(dirname "$0")/../environment.sh"

tools=$(environment formats 'clang-format>=23,<24' 'ruff>=0.17,<0.18')/bin
git ls-files -z '*.c' '*.h' | xargs -0 "$tools/clang-format" --dry-run -Werror
"$tools/ruff" check --quiet .
"$tools/ruff" format --check --quiet .
git ls-files -z .ci '*.sh' | xargs -0 -n 1 bash -n
