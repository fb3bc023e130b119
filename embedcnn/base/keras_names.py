"""What a module says when it is asked for a name that it does not have: what does the work of Keras's name
here, or the nearest of its own names.
"""

from __future__ import annotations

from collections.abc import Iterable

_NETWORKS = "networks of volumes and videos are not built here; Keras has it"
_PICTURES = "of the changes of images by chance there are RandomFlip, RandomCrop, RandomRotation, \
RandomTranslation, RandomZoom, RandomContrast and RandomBrightness; others are written with data.Dataset.map"
_COMPLEX = "there are no complex numbers here; scipy.fft and numpy.fft transform arrays"
_BITS = "quantized tables are Embedding(..., storage_dtype='int8') and model.convert_tables('int8')"
_ALWAYS_FLOAT32 = "everything is computed in float32; set_float32_matmul_precision allows faster products"
_SEVERAL = "embedcnn.distributed is it, for processes of mpirun; one process trains on all cores"
_DATA = "data.Dataset reads files, folders and arrays"

ELSEWHERE: dict[str, dict[str, str]] = {
    "": {
        "applications": "there are no trained networks; models.load_onnx and load_keras read those of others",
        "Function": "Model joins tensors of layers",
        "KerasTensor": "Input() and calls of layers make tensors",
        "Variable": "weights are made by add_weight of a layer, or a metric's add_variable",
        "distribution": _SEVERAL,
        "device": "everything runs on the CPU",
        "name_scope": "layers have names of their own: give them `name`",
        "mixed_precision": _ALWAYS_FLOAT32,
        "dtype_policies": _ALWAYS_FLOAT32,
        "DTypePolicy": _ALWAYS_FLOAT32,
        "FloatDTypePolicy": _ALWAYS_FLOAT32,
        "InputSpec": "a layer checks its inputs in `build` or `call`",
        "Operation": "a function of embedcnn.ops, or a subclass of Layer with a `call`",
        "SymbolicScope": "a `call` runs once, on symbolic tensors",
        "distillation": "a loss of one's own may compare with another model's predictions, given as targets",
        "tree": "the package optree walks over nested lists and dicts",
        "version": "embedcnn.__version__ is it",
        "visualization": "embedcnn.inspection draws and explains",
        "dtype_policy": _ALWAYS_FLOAT32,
        "quantizers": _BITS,
        "Quantizer": _BITS,
        "export": "model.export writes ONNX",
        "legacy": "the names of Keras 3 are here",
        "wrappers": "embedcnn.sklearn has estimators for scikit-learn",
        "StatelessScope": "weights are changed in place: model.train_on_batch, compute_gradients",
        "RematScope": "what is needed again is planned by the core",
        "remat": "what is needed again is planned by the core",
    },
    "layers": {
        "AdaptiveAveragePooling1D": "AveragePooling1D takes the size of the windows",
        "AdaptiveAveragePooling2D": "AveragePooling2D takes the size of the windows",
        "AdaptiveMaxPooling1D": "MaxPooling1D takes the size of the windows",
        "AdaptiveMaxPooling2D": "MaxPooling2D takes the size of the windows",
        "CuDNNLSTM": "layers.LSTM is it",
        "CuDNNGRU": "layers.GRU is it",
        **dict.fromkeys(
            (
                *("Conv3D", "Conv3DTranspose", "Convolution3D", "Convolution3DTranspose", "AveragePooling3D"),
                *("AvgPool3D", "MaxPooling3D", "MaxPool3D", "GlobalAveragePooling3D", "GlobalAvgPool3D"),
                *("GlobalMaxPooling3D", "GlobalMaxPool3D", "Cropping3D", "ZeroPadding3D", "UpSampling3D"),
                *("SpatialDropout3D", "AdaptiveAveragePooling3D", "AdaptiveMaxPooling3D", "ConvLSTM3D"),
                *("ConvLSTM1D", "ConvLSTM2D"),
            ),
            _NETWORKS,
        ),
        **dict.fromkeys(
            (
                *("AugMix", "AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "CutMix"),
                *("Equalization", "MixUp", "RandAugment", "RandomColorDegeneration", "RandomColorJitter"),
                *("RandomElasticTransform", "RandomErasing", "RandomGaussianBlur", "RandomGrayscale"),
                *("RandomHue", "RandomInvert", "RandomPerspective", "RandomPosterization"),
                *("RandomSaturation", "RandomSharpness", "RandomShear", "Solarization", "Pipeline"),
                "MaxNumBoundingBoxes",
            ),
            _PICTURES,
        ),
        "FlaxLayer": "models.load_onnx reads models of other frameworks",
        "JaxLayer": "models.load_onnx reads models of other frameworks",
        "TFSMLayer": "models.load_onnx reads models of other frameworks",
        "TorchModuleWrapper": "models.load_onnx reads models of PyTorch, embedcnn.torch has its modules",
        "GroupQueryAttention": "layers.MultiHeadAttention has as many heads of keys as of queries",
        "InputSpec": "a layer checks its inputs in `build` or `call`",
        "MelSpectrogram": "sounds are turned into arrays before the model",
        "STFTSpectrogram": "sounds are turned into arrays before the model",
        "ReversibleEmbedding": "layers.TiedDense(embedding) is an Embedding turned round",
        "SpectralNormalization": "layers.WeightNormalization, or kernel_constraint='max_norm'",
        "HashedCrossing": "join the columns as strings, and give them to layers.Hashing",
    },
    "ops": {
        **dict.fromkeys(
            (
                *("angle", "conj", "conjugate", "fft", "fft2", "ifft2", "imag", "irfft", "istft", "real"),
                *("rfft", "stft", "polar", "view_as_complex", "view_as_real"),
            ),
            _COMPLEX,
        ),
        "ctc_loss": "losses of alignments are not built here",
        "ctc_decode": "losses of alignments are not built here",
        "custom_gradient": "a layer with `forward` returns y and its backward: help(embedcnn.layers.Layer)",
        "jvp": "ops.vjp gives gradients, backward",
        "associative_scan": "ops.scan goes step by step; there are ops.cumsum and ops.cumprod",
        "nn": "the operations are names of embedcnn.ops",
        "numpy": "the operations are names of embedcnn.ops",
        "linalg": "the operations are names of embedcnn.ops",
        "adaptive_average_pool": "ops.average_pool takes the size of the windows",
        "adaptive_max_pool": "ops.max_pool takes the size of the windows",
        "extract_sequences": "data.Dataset.window cuts sequences",
        "fold": "ops.conv_transpose adds windows up",
        "unfold": "ops.conv takes windows as it goes",
        "depth_to_space": "ops.reshape and ops.transpose move pixels",
        "space_to_depth": "ops.reshape and ops.transpose move pixels",
        "rearrange": "ops.reshape and ops.transpose move values; ops.einsum sums along letters",
        "saturate_cast": "ops.clip, then ops.cast",
        "vectorize": "ops.vectorized_map goes along the first axis",
        "psnr": "10 * ops.log10(largest ** 2 / ops.mean(ops.square(x1 - x2)))",
        **dict.fromkeys(
            ("eig", "lu_factor", "solve_triangular", "cholesky_inverse"), "scipy.linalg has it, for arrays"
        ),
        "view": "ops.cast turns numbers into another dtype",
    },
    "losses": {
        **dict.fromkeys(("CTC", "ctc"), "losses of alignments are not built here"),
        **dict.fromkeys(
            ("Dice", "dice", "Tversky", "tversky", "Circle", "circle"),
            "write it as a function of y_true and y_pred, made of embedcnn.ops",
        ),
        **dict.fromkeys(
            ("CategoricalGeneralizedCrossEntropy", "categorical_generalized_cross_entropy"),
            "write it as a function of y_true and y_pred, made of embedcnn.ops",
        ),
    },
    "metrics": {
        **dict.fromkeys(
            ("BinaryIoU", "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"),
            "metrics.ConfusionMatrix has the counts that overlaps are made of",
        ),
        **dict.fromkeys(
            (
                *("ConcordanceCorrelation", "PearsonCorrelation", "R2Score", "concordance_correlation"),
                "pearson_correlation",
            ),
            "write it as a subclass of metrics.Metric, or use sklearn.metrics on model.predict(x)",
        ),
    },
    "optimizers": {
        **dict.fromkeys(
            ("Adafactor", "Ftrl", "Lamb", "Lion", "Muon", "ScheduleFreeAdamW"),
            "there are SGD, Adam, AdamW, Adamax, Nadam, RMSprop, Adagrad and Adadelta",
        ),
        "LossScaleOptimizer": _ALWAYS_FLOAT32,
        "OptimizerMap": "optimizers.MultiOptimizer has one for each layer",
        "legacy": "the optimizers are those of Keras 3",
    },
    "callbacks": {
        "OrbaxCheckpoint": "callbacks.ModelCheckpoint, or BackupAndRestore to go on where a training ended",
        "ProgbarLogger": "model.fit(..., verbose=1) shows a bar, 2 a line for each epoch",
        "RemoteMonitor": "callbacks.LambdaCallback(on_epoch_end=...) may send what it likes",
    },
    "initializers": dict.fromkeys(
        ("STFT", "STFTInitializer", "stft"), "sounds are turned into arrays before the model"
    ),
    "regularizers": dict.fromkeys(
        ("OrthogonalRegularizer", "orthogonal_regularizer"),
        "there are L1, L2 and L1L2; add_loss in a `call` adds what else a layer is to learn",
    ),
    "utils": {
        "FeatureSpace": "layers.Normalization, StringLookup and Discretization prepare columns",
        "audio_dataset_from_directory": "sounds are turned into arrays before the model",
        "bounding_boxes": "networks that find boxes are not built here",
        "model_to_dot": "utils.plot_model and model.plot() draw with matplotlib",
        "Progbar": "model.fit(..., verbose=1) shows a bar; the package tqdm has one for loops of one's own",
        "get_source_inputs": "model.inputs has them",
        "Config": "a dict holds settings",
        "legacy": "the names of Keras 3 are here",
        **dict.fromkeys(
            (
                "disable_interactive_logging",
                "enable_interactive_logging",
                "is_interactive_logging_enabled",
            ),
            "model.fit(..., verbose=...) says what is shown: 2 is a line for each epoch",
        ),
    },
    "datasets": dict.fromkeys(
        ("boston_housing", "california_housing", "cifar10", "cifar100"),
        "there are imdb, reuters, mnist and fashion_mnist; " + _DATA,
    ),
    "preprocessing.image": {"smart_resize": "layers.CenterCrop, then layers.Resizing"},
    "saving": {"KerasFileEditor": "models.load_keras reads files of Keras"},
    "models": {},
}
"""By module: Keras's names that are not here, and what does their work."""


def no_such_name(module: str, name: str, known: Iterable[str]) -> AttributeError:
    """The error for a name that `module` ("layers", "" for the package) does not have.

    >>> no_such_name("layers", "Dens", ["Dense"])
    AttributeError("embedcnn has no layers.Dens; did you mean 'Dense'?")
    >>> no_such_name("layers", "CuDNNGRU", ["Dense"])
    AttributeError('embedcnn has no layers.CuDNNGRU; layers.GRU is it')
    """
    path = f"{module}.{name}" if module else name
    hint = ELSEWHERE.get(module, {}).get(name, "")
    if not hint:
        import difflib  # start-up

        names = {one.lower(): one for one in known}
        near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.75)
        hint = f"did you mean {names[near[0]]!r}?" if near else ""
    return AttributeError(f"embedcnn has no {path}{f'; {hint}' if hint else ''}")
