# What the stages share; each sources it first. WORK is the folder of this run.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
: "${WORK:?started by .ci/run}"
cd "$ROOT"

# The developer's own environment stays outside.
if [ -n "${VIRTUAL_ENV:-}" ]; then
    PATH=$(printf %s "$PATH" | tr ':' '\n' | grep -vxF "$VIRTUAL_ENV/bin" | paste -sd:)
fi
unset VIRTUAL_ENV PYTHONPATH PYTHONHOME EMBEDCNN_ISA EMBEDCNN_CFLAGS EMBEDCNN_LDFLAGS EMBEDCNN_REQUIRE_OPENMP CC
export PIP_DISABLE_PIP_VERSION_CHECK=1
if [ -z "${EMBEDCNN_SHARED:-}" ] && [ -d "$ROOT/../shared/data" ]; then
    EMBEDCNN_SHARED=$(cd "$ROOT/../shared" && pwd)
    export EMBEDCNN_SHARED
fi

# A fresh copy of the checkout, the developer's changes included, without anything that git ignores.
copy_checkout() {
    rm -rf "$1"
    mkdir -p "$1"
    git ls-files -z --cached --others --exclude-standard |
        while IFS= read -r -d '' name; do [ -e "$name" ] && printf '%s\0' "$name"; done |
        tar --null --files-from=- --create | tar --extract --directory="$1"
}

# A virtual environment of that name with these packages, made once; prints its folder.
environment() {
    local folder=$WORK/environments/$1
    shift
    if [ ! -f "$folder/complete" ]; then
        rm -rf "$folder"
        python3 -m venv "$folder"
        install_packages "$folder" "$@"
        touch "$folder/complete"
    fi
    echo "$folder"
}

install_packages() {
    local folder=$1
    shift
    "$folder/bin/python" -m pip install --quiet "$@" </dev/null >"$folder/pip.log" 2>&1 || {
        cat "$folder/pip.log" >&2
        return 1
    }
}

# What building and testing in place takes.
test_environment() {
    environment tests 'setuptools>=77' 'numpy>=2' 'safetensors>=0.4' 'tqdm>=4.60' 'pytest>=8' 'pytest-timeout>=2' \
        'pytest-xdist>=3' 'hypothesis>=6' 'zstandard>=0.21'
}

# Builds in place in a copy of the checkout: build_in COPY PYTHON, with CC and EMBEDCNN_* from the environment.
build_in() { (cd "$1" && "$2" setup.py --quiet build_ext --inplace); }

# Runs pytest in this folder, one process per CPU, and notes its counts for the last line of .ci/run.
run_pytest() {
    local python=$1 log status=0
    shift
    log=$(mktemp "$WORK/pytest.XXXXXX")
    "$python" -m pytest -p no:cacheprovider --numprocesses="$(nproc)" --dist=worksteal --max-worker-restart=2 \
        --timeout=900 --durations=3 "$@" </dev/null >"$log" 2>&1 || status=$?
    note_counts "$log"
    if [ "$status" -eq 0 ]; then
        tail -n 6 "$log"
    else
        grep -m 3 -A 12 'runtime error: ' "$log" || true # of the undefined-behaviour sanitizer
        tail -n 200 "$log"
    fi
    return "$status"
}

note_counts() { grep -E '^=*[^=]*[0-9]+ (passed|failed|errors?).* in [0-9.:]+' "$1" | tail -n 1 >>"$WORK/results" || true; }
