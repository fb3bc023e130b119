#!/usr/bin/env bash
# Training on several processes, by mpi4py and the wheel of MPICH
. "$(dirname "$0")/../environment.sh"

python=$(environment processes 'setuptools>=77' 'numpy>=2' 'safetensors>=0.4' 'tqdm>=4.60' 'pytest>=8' 'pytest-timeout>=2' \
    'pytest-xdist>=3' 'hypothesis>=6' 'mpi4py>=4' 'mpich>=4')/bin/python
copy=$WORK/processes
copy_checkout "$copy"
build_in "$copy" "$python"
cd "$copy"
"$python" -c 'import mpi4py.MPI' # else the tests would be skipped
run_pytest "$python" embedcnn/distributed tests/distributed --pairs all -n 0
