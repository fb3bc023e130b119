#!/usr/bin/env bash
# PyTorch's modules, ONNX graphs in and out, the weights of others and JPEG, beside PyTorch, onnxruntime, h5py and simplejpeg
. "$(dirname "$0")/../environment.sh"

python=$(environment neighbours 'setuptools>=77' 'numpy>=2' 'safetensors>=0.4' 'tqdm>=4.60' 'pytest>=8' 'pytest-timeout>=2' \
    'pytest-xdist>=3' 'hypothesis>=6' 'torch==2.13.0' 'onnx>=1.16' 'onnxruntime>=1.18' 'h5py>=3' 'pillow>=10' 'simplejpeg>=1.7')/bin/python
copy=$WORK/neighbours
copy_checkout "$copy"
build_in "$copy" "$python"
cd "$copy"
folders=()
for folder in embedcnn/torch tests/torch_modules tests/onnx_files tests/saving tests/image tests/models/test_torch_weights.py; do
    [ ! -e "$folder" ] || folders+=("$folder")
done
"$python" -c 'import h5py, onnx, onnxruntime, simplejpeg, torch' # else their tests would be skipped
# What needs none of them has run before.
run_pytest "$python" "${folders[@]}" --pairs all --ignore=tests/torch_modules/test_arrays.py --ignore=tests/saving/test_model_file.py
