"""What each option of each command changes: a command line, an option added to it, and where the difference
is seen: the files written, what is printed (out, err), the exit status, or a setting of the process.
test_every_option.py runs both lines.

    command | the line without the option | the option | seen

What a row leaves out is as in the row above. Names in braces are files, or the lines of SHORT.
"""

import shlex
from typing import NamedTuple

SHORT = {
    "cnn": "{pets} --out out --quiet --model cnn --epochs 2 --filters 4 --batch-size 8 --learning-rate 0.02",
    "fast": "{lines} --out out --quiet --model fasttext --epochs 3 --word-ngrams 2",
    "lm": "{book} --out out --quiet --model lm --units 8 --dimensions 4 --length 10 --epochs 1",
    "grid": "--out out --quiet --grid epochs=1 --grid filters=2 --grid batch_size=8 --folds 2",
    "words": "{book} out --quiet --dim 4 --epochs 1 --min-count 1 --buckets 50 --threads 1",
}

TABLE = """
train | {pets} --out out --model bag --quiet | --valid {pets} | out
| | --out other | files
| | --force | status
| | --report | out
| | --class-weight balanced | files
| | --threads 1 | process
| | --precision highest | process
| {pets} --out out --model bag | --quiet | out
| missing.csv --out out | --debug | status
| {nameless} --out out --model bag --quiet | --format csv | status
| {latin} --out out --model bag --quiet | --encoding latin-1 | status
| {columns} --out out --model bag --quiet | --text-column other | files
| | --label-column kind | files
| {gaps} --out out --model bag --quiet | --empty error | status
| {unlabelled} --out out --model bag --quiet | --missing-labels skip | status
| {pets} --out out --epochs 1 --quiet | --model avg | files
| | --blend | files
| | --time 0.01 | out
| {cnn} | --vectors {vectors} | files
| | --widths 1,2 | files
| | --recurrent-units 2 | files
| | --dimensions 5 | files
| | --max-words 4 | files
| | --tokenizer chars | files
| | --dropout 0.1 | files
| | --word-dropout 0.5 | files
| | --label-smoothing 0 | files
| | --seed 5 | files
| | --word-ngrams 1 | files
| | --no-blend | files
| {cnn} --vectors {vectors} | --freeze | files
| {cnn} | --filters 3 | files
| | --epochs 1 | files
| | --batch-size 4 | files
| | --learning-rate 0.01 | files
| {pets} --out out --model cnn --epochs 9 --filters 4 --no-blend --learning-rate 0.05 | --patience 1 | err
| {fast} | --loss ova | files
| | --min-count 4 | files
| | --char-ngrams 2,3 | files
| | --buckets 50 | files
| | --dimensions 3 | files
| | --seed 5 --dimensions 3 | files
| {lm} | --level word | files
| | --units 7 | files
| | --layers 2 | files
| | --length 9 | files
| {lm} --batch-size 8 | --carry-state | files
| {lm} | --dropout 0.5 | files
| {lm} --level word | --max-words 5 | files
tune | {pets} {grid} | --out other | files
| | --force | status
| | --report | out
| | --vectors {vectors} | files
| | --max-words 4 | files
| | --tokenizer chars | files
| | --grid filters=3 | status
| | --grid kernel_sizes=(1,) | files
| | --folds 3 | out
| | --seed 5 | files
| | --threads 1 | process
| | --precision highest | process
| {pets} {grid} --vectors {vectors} | --freeze | files
| {pets} --out out --grid epochs=1 --grid filters=2 --folds 2 | --quiet | out
| missing.csv {grid} | --debug | status
| {nameless} {grid} | --format csv | status
| {latin} {grid} | --encoding latin-1 | status
| {columns} {grid} | --text-column other | files
| | --label-column kind | files
| {gaps} {grid} | --empty error | status
| {unlabelled} {grid} | --missing-labels skip | status
test | {bag} {pets} | --report | out
| | --threads 1 | process
| | --precision highest | process
| {bag} missing.csv | --debug | status
| {bag} {nameless} | --format csv | status
| {bag} {latin} | --encoding latin-1 | status
| {bag} {columns} | --text-column other | out
| | --label-column kind | status
| {bag} {gaps} | --empty error | status
| {bag} {unlabelled} | --missing-labels skip | status
predict | {bag} --input {pets} | --model {bag} | out
| | --input {texts} | out
| | --out answers | files
| | --format lines | out
| | --top 2 | out
| | --json | out
| | --threads 1 | process
| | --precision highest | process
| {bag} --input {columns} | --text-column other | out
| {bag} --input {latin} | --encoding latin-1 | status
| missing "it purrs" | --debug | status
filter | {bag} --label cat --input {texts} | --model {bag} --label dog | out
| {bag} --input {texts} | --label cat | status
| {bag} --label cat --input {texts} | --threshold 0.999 | out
| | --input {texts} | out
| | --out kept | files
| | --drop | out
| | --tag | out
| | --threads 1 | process
| | --precision highest | process
| {bag} --label cat --input {records} | --tag quality | out
| | --text-column other | out
| {bag} --label cat --input {records} --tag | --format lines | out
| missing --label cat --input {texts} | --debug | status
explain | {bag} "it purrs" | --label dog | out
| | --json | out
| | --threads 1 | process
| | --precision highest | process
| missing "it purrs" | --debug | status
report | {bag} {pets} --html page.html | --explained 1 | files
| {bag} {columns} --html page.html --label-column guessed | --mistakes 1 | files
| | --text-column other | files
| {bag} {columns} --html page.html | --label-column guessed | files
| {bag} {pets} | --html page.html | files
| {bag} {pets} --html page.html | --threads 1 | process
| | --precision highest | process
| {bag} missing.csv --html page.html | --debug | status
| {bag} {nameless} --html page.html | --format csv | status
| {bag} {latin} --html page.html | --encoding latin-1 | status
| {bag} {gaps} --html page.html | --empty error | status
| {bag} {unlabelled} --html page.html | --missing-labels skip | status
quantize | {fasttext} --out out.ftz | --cutoff 300 | files
| | --dsub 1 | files
| | --qnorm | files
| | --qout | files
| | --test {lines} | out
| | --threads 1 | process
| {fasttext} | --out out.ftz | status
| {fasttext} --out out | --fold | files
| | --force | status
| {fasttext} --out out.ftz --cutoff 300 | --retrain {lines} | files
| {fasttext} --out out.ftz --cutoff 300 --retrain {lines} | --epochs 1 | files
| | --learning-rate 0.9 | files
| missing --out out.ftz | --debug | status
generate | {writer} --prompt "The cat" --seed 1 --length 40 | --temperature 0 | out
| | --length 9 | out
| | --top-k 1 | out
| | --top-p 0.01 | out
| | --stop a | out
| | --seed 2 | out
| | --threads 1 | process
| | --precision highest | process
| {writer} --seed 1 | --prompt "The cat" | status
| {writer} --seed 1 --prompt "The Q" | --unknown a | status
| missing --prompt "The cat" | --debug | status
info | missing | --debug | status
export | missing --out out.onnx | --debug | status
vectors train | {words} | --to glove | files
| | --model cbow | files
| | --dim 5 | files
| | --epochs 2 | files
| | --window 1 | files
| | --min-count 50 | files
| | --buckets 60 | files
| | --negatives 2 | files
| | --loss hs | files
| | --max-words 5 | files
| | --sample 0.001 | files
| | --learning-rate 0.1 | files
| | --vectors {vectors} --dim 3 | files
| | --seed 5 | files
| {book} out --quiet --dim 4 --min-count 1 | --chars 0 0 | files
| {book} out --dim 4 --min-count 1 | --quiet | err
| missing out | --debug | status
vectors info | {vectors} | --format word2vec | status
| missing | --debug | status
| {vectors} | --limit 2 | out
| | --limit 2 | out
| {latin vectors} | --unicode-errors replace | status
| {bad vectors} | --skip-bad-lines | status
vectors convert | {vectors} out | --to glove | files
| | --format word2vec | status
| | --limit 2 | files
| | --dtype float16 | files
| | --dimensions 2 | files
| | --normalize | files
| {latin vectors} out | --unicode-errors replace | status
| {bad vectors} out | --skip-bad-lines | status
| missing out | --debug | status
vectors trim | {vectors} out --words {vocabulary} | --to glove | files
| | --format word2vec | status
| | --limit 2 | files
| | --dtype float16 | files
| | --words {pets} | files
| | --lowercase | files
| {latin vectors} out --words {vocabulary} | --unicode-errors replace | files
| {bad vectors} out --words {vocabulary} | --skip-bad-lines | status
| missing out --words {vocabulary} | --debug | status
vectors nearest | {vectors} purrs | --minus barks | out
| | --format word2vec | status
| | --limit 2 | out
| | --count 1 | out
| missing purrs | --debug | status
| {latin vectors} purrs | --unicode-errors replace | status
| {bad vectors} purrs | --skip-bad-lines | status
vectors eval | {vectors} --pairs {pairs} | --analogies {analogies} | out
| | --format word2vec | status
| | --limit 3 | out
| | --restrict-vocab 3 | out
| {vectors} --analogies {analogies} | --pairs {pairs} | out
| {latin vectors} --pairs {pairs} | --unicode-errors replace | status
| {bad vectors} --pairs {pairs} | --skip-bad-lines | status
| missing --pairs {pairs} | --debug | status
"""

ELSEWHERE = {
    "--version": "tests/cli/test_commands.py::test_python_dash_m",
    "--debug": "tests/cli/test_commands.py::test_debug_shows_the_traceback",
    "train --baseline": "tests/cli/test_train.py::test_baseline",
    "train --autotune": "tests/cli/test_fasttext.py::test_a_search_leaves_what_is_given",
    "train --resume": "tests/cli/test_language_models.py::test_ctrl_c_keeps_the_last_whole_step",
    "tune --valid": "tests/tuning/test_study.py::test_the_options_of_a_study",
    "tune --time": "tests/tuning/test_study.py::test_the_options_of_a_study",
    "tune --trials": "tests/tuning/test_study.py::test_the_command",
    "tune --storage": "tests/tuning/test_study.py::test_the_options_of_a_study",
    "tune --study": "tests/tuning/test_study.py::test_the_options_of_a_study",
    "predict --restart": "tests/cli/test_corpora.py::test_predict_begins_anew",
    "vectors train --threads": "tests/cli/test_fasttext.py::test_threads_of_word_vectors",
    "filter --restart": "tests/cli/test_corpora.py::test_what_does_not_belong_to_a_run_is_left_alone",
    "export --out": "tests/onnx_files/test_export_command.py::test_export",
    "export --text": "tests/onnx_files/test_export_command.py::test_export",
    "export --ragged": "tests/onnx_files/test_export_command.py::test_export",
    "export --opset": "tests/onnx_files/test_export_command.py::test_export",
    "export --force": "tests/onnx_files/test_export_command.py::test_refusals",
}
"""Options that need what is not always installed, or time, or a process: the tests that they have."""


class Row(NamedTuple):
    """A command, its line, an option with its value, and where it is seen."""

    command: str
    line: str
    option: str
    seen: str

    @property
    def name(self) -> str:
        """Of the option, without its value."""
        return f"{self.command} {self.option.split()[0]}"

    def words(self, names: dict[str, str], with_option: bool) -> list[str]:
        """The arguments; `names`: of the files."""
        names = names | {short: line.format(**names) for short, line in SHORT.items()}
        text = f"{self.line} {self.option}" if with_option else self.line
        return [*self.command.split(), *shlex.split(text.format(**names))]


def rows() -> list[Row]:
    """All of TABLE."""
    found, above = [], [""] * 4
    for line in TABLE.strip().splitlines():
        above = [part or old for part, old in zip(map(str.strip, line.split("|")), above, strict=True)]
        found.append(Row(*above))
    return found
