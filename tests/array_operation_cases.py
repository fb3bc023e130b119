"""Operations of arrays alone that Keras computed golden values of: of its name the calls. Imported by
tests/golden/make_keras_array_operations.py, with Keras, and by the tests, with embedcnn.
"""

import numpy as np

RNG = np.random.default_rng(11)
A, B = RNG.normal(size=(4, 5)).astype(np.float32), RNG.normal(size=(4, 5)).astype(np.float32)
SQUARE = (RNG.normal(size=(2, 3, 3)) + 3 * np.eye(3)).astype(np.float32)
POSITIVE = (SQUARE @ SQUARE.transpose(0, 2, 1)).astype(np.float32)
HOLES = np.where(A > 0.7, np.float32("nan"), A)
IDS = np.array([0, 2, 1, 2, 5], np.int32)
WHOLE = np.array([[12, 7], [3, 40]], np.int32)
ORDERED = np.array([-1.0, 0.0, 0.5, 2.0], np.float32)

CASES = {
    "scatter": lambda ops: ops.scatter(np.array([[0, 1], [3, 2], [0, 1]]), A[0, :3], (4, 5)),
    "scatter rows": lambda ops: ops.scatter(np.array([[1], [3]]), A[:2], (4, 5)),
    "scatter_update": lambda ops: ops.scatter_update(A, np.array([[0, 1], [3, 2]]), B[0, :2]),
    "scatter_update rows": lambda ops: ops.scatter_update(A, np.array([[1], [3]]), B[:2]),
    **{
        f"scatter_update {kind}": lambda ops, kind=kind: ops.scatter_update(
            A, np.array([[1], [3], [1]]), B[:3], reduction=kind
        )
        for kind in ("add", "max", "min", "mul")
    },
    "slice_update": lambda ops: ops.slice_update(A, (1, 2), B[:2, :3]),
    "segment_sum": lambda ops: ops.segment_sum(A[:4], np.array([0, 2, 0, 3], np.int32), 5),
    "segment_max": lambda ops: ops.segment_max(A[:4], np.array([0, 1, 0, 2], np.int32), 3),
    "segment_min": lambda ops: ops.segment_min(A[:4], np.array([0, 1, 0, 2], np.int32), 3),
    "segment_prod": lambda ops: ops.segment_prod(A[:4], np.array([0, 1, 0, 2], np.int32), 3),
    "bincount": lambda ops: ops.bincount(IDS, minlength=7),
    "bincount weighted": lambda ops: ops.bincount(IDS, weights=A[0], minlength=7),
    "map": lambda ops: ops.map(lambda x: ops.sum(x) + x, A),
    "vectorized_map": lambda ops: ops.vectorized_map(lambda x: ops.sum(x) * x, A),
    "scan": lambda ops: ops.scan(lambda c, x: (c * 0.5 + x, c + 1.0), A[0] * 0, A)[1],
    "scan carry": lambda ops: ops.scan(lambda c, x: (c * 0.5 + x, c), A[0] * 0, A, reverse=True)[0],
    "scan reverse": lambda ops: ops.scan(lambda c, x: (c * 0.5 + x, c), A[0] * 0, A, reverse=True)[1],
    "switch": lambda ops: ops.switch(2, [lambda x: x, lambda x: -x, lambda x: 2 * x], A),
    "searchsorted": lambda ops: ops.searchsorted(ORDERED, A[0], side="right"),
    "digitize": lambda ops: ops.digitize(A, ORDERED),
    "quantile": lambda ops: ops.quantile(A, np.float32(0.3), axis=1),
    "nanmax": lambda ops: ops.nanmax(HOLES, axis=1),
    "nanmin": lambda ops: ops.nanmin(HOLES, axis=0),
    "nanmean": lambda ops: ops.nanmean(HOLES, axis=1),
    "nanvar": lambda ops: ops.nanvar(HOLES, axis=1),
    "nanstd": lambda ops: ops.nanstd(HOLES, axis=1, keepdims=True),
    "nansum": lambda ops: ops.nansum(HOLES),
    "nancumsum": lambda ops: ops.nancumsum(HOLES, axis=1),
    "nanargmax": lambda ops: ops.nanargmax(HOLES, axis=1),
    "erfinv": lambda ops: ops.erfinv(np.array([-0.999, -0.5, 0.0, 0.3, 0.99], np.float32)),
    "gcd": lambda ops: ops.gcd(WHOLE, WHOLE.T),
    "lcm": lambda ops: ops.lcm(WHOLE, WHOLE.T),
    **{
        name: lambda ops, name=name: getattr(ops, name)(WHOLE, WHOLE.T)
        for name in ("bitwise_and", "bitwise_or", "bitwise_xor")
    },
    "bitwise_not": lambda ops: ops.bitwise_not(WHOLE),
    "left_shift": lambda ops: ops.left_shift(WHOLE, 2),
    "right_shift": lambda ops: ops.right_shift(WHOLE, 1),
    "rot90": lambda ops: ops.rot90(A, k=3),
    "diagflat": lambda ops: ops.diagflat(A[0], k=1),
    "kron": lambda ops: ops.kron(A[:2], B[:2]),
    "vander": lambda ops: ops.vander(A[0], 4),
    "array_split": lambda ops: ops.array_split(A, 3, axis=1)[1],
    "logspace": lambda ops: ops.logspace(0.0, 2.0, 7),
    "geomspace": lambda ops: ops.geomspace(1.0, 8.0, 4),
    **{
        name: lambda ops, name=name: getattr(ops, name)(6)
        for name in ("hamming", "hanning", "bartlett", "blackman")
    },
    "kaiser": lambda ops: ops.kaiser(6, 5.0),
    **{name: lambda ops, name=name: getattr(ops, name)(SQUARE) for name in ("det", "inv")},
    "logdet": lambda ops: ops.logdet(POSITIVE),
    "slogdet": lambda ops: ops.slogdet(SQUARE)[1],
    "cholesky": lambda ops: ops.cholesky(POSITIVE),
    "solve": lambda ops: ops.solve(SQUARE, A[:3, :4].reshape(2, 3, 2)),
    "svd": lambda ops: ops.svd(SQUARE, compute_uv=False),
    "eigh": lambda ops: ops.eigh(POSITIVE)[0],
    "cdist": lambda ops: ops.cdist(A, B[:3]),
    "corrcoef": lambda ops: ops.corrcoef(A),
    "trapezoid": lambda ops: ops.trapezoid(A, x=np.cumsum(np.abs(B[0]))),
    "flip": lambda ops: ops.flip(A),
    "cumsum": lambda ops: ops.cumsum(A),
    "take_along_axis": lambda ops: ops.take_along_axis(A, np.array([3, 0], np.int32)),
    "allclose": lambda ops: ops.allclose(HOLES, HOLES, equal_nan=True),
    "unravel_index": lambda ops: np.stack(
        [np.asarray(one) for one in ops.unravel_index(np.array([5, 7]), (2, 4))]
    ),
    "dot": lambda ops: ops.dot(A, B.T),
    "dot square": lambda ops: ops.dot(A[:, :4], B[:, :4]),
    "dot vectors": lambda ops: ops.dot(A[0], B[1]),
    "dot deep": lambda ops: ops.dot(SQUARE, SQUARE),
    "dot number": lambda ops: ops.dot(A, np.float32(2)),
    "nonzero": lambda ops: np.stack([np.asarray(one) for one in ops.nonzero(A > 0)]),
}
