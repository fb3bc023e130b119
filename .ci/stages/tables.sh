#!/usr/bin/env bash
# what the other stages go without: texts and labels as columns of pandas, polars and pyarrow; bags and estimators beside scikit-learn; studies
. "$(dirname "$0")/../environment.sh"

python=$(environment tables 'setuptools>=77' 'numpy>=2' 'safetensors>=0.4' 'tqdm>=4.60' 'pytest>=8' 'pytest-timeout>=2' \
    'pytest-xdist>=3' 'hypothesis>=6' 'pandas>=2' 'polars>=1' 'pyarrow>=15' 'scikit-learn>=1.6' 'optuna>=4')/bin/python
copy=$WORK/tables
copy_checkout "$copy"
build_in "$copy" "$python"
cd "$copy"
run_pytest "$python" tests/situations/test_texts_of_tables.py tests/situations/test_labels_by_name.py tests/bags tests/estimators \
    tests/tuning
"$python" -c 'import optuna, pandas, polars, pyarrow, sklearn'
