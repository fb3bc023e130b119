"""Operations of arrays alone, by NumPy: what preparing data and looking at results need. Keras's names in
keras.ops; of symbolic tensors they are a TypeError.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..base.arrays import rectangular
from .primitives import NUMPY_ERRORS, as_result, is_symbolic, named_error


def _of_arrays(name: str, what: str, example: str, result: str) -> Callable[[Callable[..., Any]], Any]:
    """Makes a function of arrays an operation of this name, float64 to float32; its docstring has the example
    of a call and its result, as a list.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def operation(*arguments: Any, **options: Any) -> Any:
            if is_symbolic(*arguments, *options.values()):
                raise TypeError(f"ops.{name} takes arrays: no model computes it")
            try:
                given = signature.bind(*arguments, **options).arguments
            except TypeError as error:
                raise TypeError(f"ops.{name}: {error}") from None
            for argument, one in given.items():
                array = rectangular(f"ops.{name}: `{argument}`", one)
                if array.dtype.kind not in "biuf" and not isinstance(one, (str, type(None), list, tuple)):
                    raise TypeError(
                        f"ops.{name}: `{argument}` must be numbers. Received: {argument}={one!r} of "
                        f"dtype {array.dtype}"
                    )
            try:
                found = function(**given)
            except NUMPY_ERRORS as error:
                raise named_error(name, error, given) from None
            values = [*given.values()]
            if isinstance(found, tuple):
                return tuple(as_result(one, values) for one in found)
            return as_result(found, values)

        signature = inspect.signature(function)

        operation.__name__ = operation.__qualname__ = name
        operation.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
        shown = example if f"{name}(" in example else f"{name}({example}).tolist()"
        operation.__doc__ = f"{what} As keras.ops.{name}, of arrays.\n\n>>> {shown}\n{result}\n"
        return operation

    return decorate


_numbers = np.asarray


def _whole(x: Any) -> np.ndarray:
    return np.asarray(x).astype(np.int32)


# -- places and counts ---------------------------------------------------------------------------------------
searchsorted = _of_arrays(
    "searchsorted", "Where values belong in an ascending array, int32.", "[1.0, 3.0], [2.0]", "[1]"
)(lambda sorted_sequence, values, side="left": _whole(np.searchsorted(sorted_sequence, values, side)))
digitize = _of_arrays(
    "digitize", "Which bin each value falls into, int32.", "[0.5, 2.0], [1.0, 2.0]", "[0, 2]"
)(lambda x, bins: _whole(np.digitize(x, bins)))
unravel_index = _of_arrays(
    "unravel_index", "The indices of each axis for places in a row.", "3, (2, 2)", "[1, 1]"
)(lambda indices, shape: np.stack(np.unravel_index(indices, shape)))
argpartition = _of_arrays(
    "argpartition",
    "Places such that those before the kth hold no larger values, int32.",
    "[1.0, 2.0], 0",
    "[0, 1]",
)(lambda x, kth, axis=-1: _whole(np.argpartition(x, kth, axis)))
histogram = _of_arrays(
    "histogram",
    "How many values fall into each bin, and the edges of the bins.",
    "[one.tolist() for one in histogram([1.0, 2.0, 2.0], bins=2)]",
    "[[1, 2], [1.0, 1.5, 2.0]]",
)(lambda x, bins=10, range=None: tuple(np.histogram(_numbers(x), bins, range)))
quantile = _of_arrays("quantile", "The value below which a share q lies.", "[1.0, 2.0, 4.0], 0.5", "2.0")(
    lambda x, q, axis=None, method="linear", keepdims=False: np.quantile(
        x, q, axis, method=method, keepdims=keepdims
    )
)
percentile = _of_arrays("percentile", "The value below which q of 100 lie.", "[1.0, 2.0, 4.0], 50", "2.0")(
    lambda x, q, axis=None, method="linear", keepdims=False: np.percentile(
        x, q, axis, method=method, keepdims=keepdims
    )
)
nanquantile = _of_arrays("nanquantile", "`quantile` of what is not NaN.", "[1.0, np.nan, 3.0], 0.5", "2.0")(
    lambda x, q, axis=None, method="linear", keepdims=False: np.nanquantile(
        x, q, axis, method=method, keepdims=keepdims
    )
)
nanpercentile = _of_arrays(
    "nanpercentile", "`percentile` of what is not NaN.", "[1.0, np.nan, 3.0], 50", "2.0"
)(
    lambda x, q, axis=None, method="linear", keepdims=False: np.nanpercentile(
        x, q, axis, method=method, keepdims=keepdims
    )
)
nonzero = _of_arrays(
    "nonzero", "The places of what is not 0, int32.", "nonzero([0.0, 2.0])[0].tolist()", "[1]"
)(lambda x: tuple(_whole(one) for one in np.nonzero(_numbers(x))))
nanmedian = _of_arrays("nanmedian", "The median of what is not NaN.", "[1.0, np.nan, 3.0]", "2.0")(
    lambda x, axis=None, keepdims=False: np.nanmedian(x, axis, keepdims=keepdims)
)
nanargmax = _of_arrays("nanargmax", "Where the largest number stands, int32.", "[1.0, np.nan]", "0")(
    lambda x, axis=None, keepdims=False: _whole(np.nanargmax(x, axis, keepdims=keepdims))
)
nanargmin = _of_arrays("nanargmin", "Where the smallest number stands, int32.", "[np.nan, 1.0]", "1")(
    lambda x, axis=None, keepdims=False: _whole(np.nanargmin(x, axis, keepdims=keepdims))
)
nancumsum = _of_arrays("nancumsum", "The running sum, NaN as 0.", "[1.0, np.nan, 2.0]", "[1.0, 1.0, 3.0]")(
    lambda x, axis=None, dtype=None: np.nancumsum(x, axis, dtype)
)
nancumprod = _of_arrays("nancumprod", "The running product, NaN as 1.", "[2.0, np.nan]", "[2.0, 2.0]")(
    lambda x, axis=None, dtype=None: np.nancumprod(x, axis, dtype)
)
signbit = _of_arrays("signbit", "Where the sign is a minus, of -0.0 too.", "[-0.0, 1.0]", "[True, False]")(
    lambda x: np.signbit(_numbers(x, np.float32))
)
erfinv = _of_arrays("erfinv", "The number whose error function is x.", "[0.0]", "[0.0]")(lambda x: _erfinv(x))
gcd = _of_arrays("gcd", "The largest common divisor.", "[12], [18]", "[6]")(lambda x1, x2: np.gcd(x1, x2))
lcm = _of_arrays("lcm", "The smallest common multiple.", "[4], [6]", "[12]")(lambda x1, x2: np.lcm(x1, x2))
bitwise_and = _of_arrays("bitwise_and", "The bits that both have.", "[6], [3]", "[2]")(
    lambda x, y: np.bitwise_and(x, y)
)
bitwise_or = _of_arrays("bitwise_or", "The bits that one of both has.", "[6], [3]", "[7]")(
    lambda x, y: np.bitwise_or(x, y)
)
bitwise_xor = _of_arrays("bitwise_xor", "The bits that one alone has.", "[6], [3]", "[5]")(
    lambda x, y: np.bitwise_xor(x, y)
)
bitwise_not = _of_arrays("bitwise_not", "All bits turned.", "[0]", "[-1]")(lambda x: np.bitwise_not(x))
left_shift = _of_arrays("left_shift", "Bits moved up by y.", "[3], [1]", "[6]")(
    lambda x, y: np.left_shift(x, y)
)
right_shift = _of_arrays("right_shift", "Bits moved down by y.", "[6], [1]", "[3]")(
    lambda x, y: np.right_shift(x, y)
)
bitwise_invert, bitwise_left_shift, bitwise_right_shift = bitwise_not, left_shift, right_shift


# -- arrangements --------------------------------------------------------------------------------------------
rot90 = _of_arrays("rot90", "Turned k times by 90 degrees.", "[[1.0, 2.0]]", "[[2.0], [1.0]]")(
    lambda array, k=1, axes=(0, 1): np.rot90(array, k, axes)
)
diagflat = _of_arrays(
    "diagflat", "A matrix with these values on a diagonal.", "[1.0, 2.0]", "[[1.0, 0.0], [0.0, 2.0]]"
)(lambda x, k=0: np.diagflat(x, k))
kron = _of_arrays(
    "kron", "Each value of x1 times the whole of x2.", "[1.0, 2.0], [1.0, 1.0]", "[1.0, 1.0, 2.0, 2.0]"
)(lambda x1, x2: np.kron(x1, x2))
vander = _of_arrays("vander", "The powers of each value.", "[2.0], 3", "[[4.0, 2.0, 1.0]]")(
    lambda x, N=None, increasing=False: np.vander(x, N, increasing)
)
array_split = _of_arrays(
    "array_split",
    "Parts along an axis, a tuple, of sizes that differ by one at most.",
    "[part.tolist() for part in array_split([1.0, 2.0, 3.0], 2)]",
    "[[1.0, 2.0], [3.0]]",
)(lambda x, indices_or_sections, axis=0: tuple(np.array_split(_numbers(x), indices_or_sections, axis)))
logspace = _of_arrays("logspace", "Powers of the base at equal distances.", "0, 2, 3", "[1.0, 10.0, 100.0]")(
    lambda start, stop, num=50, endpoint=True, base=10, dtype=None, axis=0: np.logspace(
        start, stop, num, endpoint, base, dtype or "float32", axis
    )
)
geomspace = _of_arrays("geomspace", "Numbers at equal ratios.", "1.0, 4.0, 3", "[1.0, 2.0, 4.0]")(
    lambda start, stop, num=50, endpoint=True, dtype=None, axis=0: np.geomspace(
        start, stop, num, endpoint, dtype or "float32", axis
    )
)
hamming = _of_arrays("hamming", "Hamming's window.", "1", "[1.0]")(lambda x: np.hamming(int(x)))
hanning = _of_arrays("hanning", "Hann's window.", "3", "[0.0, 1.0, 0.0]")(lambda x: np.hanning(int(x)))
bartlett = _of_arrays("bartlett", "Bartlett's window.", "3", "[0.0, 1.0, 0.0]")(lambda x: np.bartlett(int(x)))
blackman = _of_arrays("blackman", "Blackman's window.", "1", "[1.0]")(lambda x: np.blackman(int(x)))
kaiser = _of_arrays("kaiser", "Kaiser's window.", "1, 2.0", "[1.0]")(lambda x, beta: np.kaiser(int(x), beta))
nextafter = _of_arrays("nextafter", "The next number from x1 towards x2.", "[0.0], [0.0]", "[0.0]")(
    lambda x1, x2: np.nextafter(_numbers(x1, np.float32), _numbers(x2, np.float32))
)


# -- matrices ------------------------------------------------------------------------------------------------
det = _of_arrays("det", "The determinant.", "np.eye(2) * 2", "4.0")(lambda x: np.linalg.det(x))
logdet = _of_arrays("logdet", "The logarithm of the determinant.", "np.eye(2)", "0.0")(
    lambda x: np.log(np.linalg.det(np.asarray(x, np.float64)))
)
inv = _of_arrays("inv", "The inverse.", "np.eye(2) * 2", "[[0.5, 0.0], [0.0, 0.5]]")(
    lambda x: np.linalg.inv(x)
)
pinv = _of_arrays("pinv", "The pseudo-inverse.", "[[2.0]]", "[[0.5]]")(
    lambda x, rcond=None: np.linalg.pinv(x) if rcond is None else np.linalg.pinv(x, rcond)
)
solve = _of_arrays("solve", "The x for which a x = b.", "[[2.0]], [[4.0]]", "[[2.0]]")(
    lambda a, b: _solved(a, b)
)
lstsq = _of_arrays("lstsq", "The x for which a x is nearest to b.", "[[2.0], [2.0]], [4.0, 4.0]", "[2.0]")(
    lambda a, b, rcond=None: np.linalg.lstsq(_numbers(a), _numbers(b), rcond)[0]
)
cholesky = _of_arrays("cholesky", "The lower triangular L for which L L' is x.", "[[4.0]]", "[[2.0]]")(
    lambda x, upper=False: np.swapaxes(np.linalg.cholesky(x), -1, -2) if upper else np.linalg.cholesky(x)
)
matrix_rank = _of_arrays("matrix_rank", "How many rows are independent, int32.", "np.eye(3)", "3")(
    lambda x, tol=None: _whole(np.linalg.matrix_rank(x, tol))
)
corrcoef = _of_arrays("corrcoef", "The correlations of the rows.", "[[1.0, 2.0]]", "1.0")(
    lambda x: np.corrcoef(x)
)
cdist = _of_arrays(
    "cdist", "The Euclidean distances of rows from rows.", "[[0.0, 0.0]], [[3.0, 4.0]]", "[[5.0]]"
)(lambda x, y: np.sqrt(np.square(_numbers(x)[..., :, None, :] - _numbers(y)[..., None, :, :]).sum(-1)))
i0 = _of_arrays("i0", "The modified Bessel function of order 0.", "[0.0]", "[1.0]")(
    lambda x: np.i0(_numbers(x))
)
correlate = _of_arrays(
    "correlate", "The products of x2 moved along x1.", "[1.0, 2.0, 3.0], [0.0, 1.0], 'valid'", "[2.0, 3.0]"
)(lambda x1, x2, mode="valid": np.correlate(x1, x2, mode))
svd = _of_arrays(
    "svd",
    "u, s and v for which u s v is x, or s alone.",
    "svd([[2.0]], compute_uv=False).tolist()",
    "[2.0]",
)(
    lambda x, full_matrices=True, compute_uv=True: (
        tuple(np.linalg.svd(_numbers(x), full_matrices))
        if compute_uv
        else np.linalg.svd(_numbers(x), compute_uv=False)
    )
)
qr = _of_arrays(
    "qr",
    "q, whose columns are orthogonal, and r, upper triangular, for which q r is x.",
    "[one.shape for one in qr(np.eye(3)[:, :2])]",
    "[(3, 2), (2, 2)]",
)(lambda x, mode="reduced": tuple(np.linalg.qr(_numbers(x), mode)))
eigh = _of_arrays(
    "eigh",
    "Eigenvalues and eigenvectors of symmetric matrices.",
    "eigh([[2.0]])[0].tolist()",
    "[2.0]",
)(lambda x: tuple(np.linalg.eigh(_numbers(x))))
slogdet = _of_arrays(
    "slogdet",
    "The sign of the determinant, and the logarithm of its size.",
    "[float(one) for one in slogdet([[-1.0]])]",
    "[-1.0, 0.0]",
)(lambda x: tuple(np.linalg.slogdet(_numbers(x))))
unique = _of_arrays(
    "unique",
    "The values, each once, in order; where asked also first places, inverse and counts.",
    "unique([3, 1, 3]).tolist()",
    "[1, 3]",
)(
    lambda x, return_index=False, return_inverse=False, return_counts=False, axis=None: np.unique(
        _numbers(x), return_index, return_inverse, return_counts, axis
    )
)


def _solved(a: Any, b: Any) -> np.ndarray:
    left, right = np.asarray(a), np.asarray(b)
    if right.ndim == left.ndim - 1:  # vectors
        return np.linalg.solve(left, right[..., None])[..., 0]
    return np.linalg.solve(left, right)


def _erfinv(x: Any) -> np.ndarray:
    """By Newton's method, in double precision, from Giles's (2010) formula for a start."""
    y = np.asarray(x, np.float64)
    inside = np.abs(y) < 1
    with np.errstate(all="ignore"):
        w = -np.log((1 - y) * (1 + y))
        third = 2 / (math.pi * 0.147) + w / -2
        z = np.sign(y) * np.sqrt(np.sqrt(third**2 + w / 0.147) - third)
        for _ in range(4):
            apart = np.vectorize(math.erf, otypes=[float])(np.where(inside, z, 0)) - y
            z = z - apart / (2 / math.sqrt(math.pi) * np.exp(-(z**2)))
    made: np.ndarray = np.where(inside, z, np.where(np.abs(y) == 1, np.where(y > 0, np.inf, -np.inf), np.nan))
    return made
