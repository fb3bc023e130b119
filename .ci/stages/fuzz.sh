#!/usr/bin/env bash
# the fuzz targets, a minute each, as many at once as there are CPUs
. "$(dirname "$0")/../environment.sh"

[ -f tests/fuzz/run.sh ] || { echo "no fuzz targets"; exit 0; }
FUZZ_BUILD=$WORK/fuzz sh tests/fuzz/run.sh "${EMBEDCNN_FUZZ_SECONDS:-60}"
