"""Makes images.npz: files that Pillow writes, what TensorFlow decodes of each, and what it converts.

    python tests/golden/make_images.py      (with tensorflow and pillow installed)

"NAME": bytes of a file; "NAME/C": what is decoded with channels=C; "from/DTYPE": numbers, and
"convert/DTYPE/DTYPE/SATURATE": what convert_image_dtype makes of them; "resize/NAME": photographs, and with
a method, a size and whether proportions are kept (and smoothed) what resize makes of them; "pad/...": what
resize_with_pad does.
"""

import io
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

FILE = Path(__file__).with_name("images.npz")
rng = np.random.default_rng(20)


def smooth(height, width, channels):
    y, x = np.mgrid[:height, :width]
    waves = np.stack([127 + 100 * np.sin(x / 3 + k) * np.cos(y / (4 + k)) for k in range(channels)], -1)
    return np.clip(waves + rng.normal(0, 9, waves.shape), 0, 255).astype(np.uint8)


def encoded(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return np.frombuffer(file.getvalue(), np.uint8)


def files():
    colours, opaque = Image.fromarray(smooth(13, 18, 3)), Image.fromarray(smooth(9, 7, 4))
    grey = Image.fromarray(smooth(11, 8, 1)[:, :, 0])
    return {
        "jpeg420": encoded(colours, "jpeg", quality=80),
        "jpeg444": encoded(colours, "jpeg", quality=95, subsampling=0),
        "jpeg_progressive": encoded(colours, "jpeg", progressive=True),
        "jpeg_grey": encoded(grey, "jpeg"),
        "png_rgb": encoded(colours, "png"),
        "png_rgba": encoded(opaque, "png"),
        "png_grey": encoded(grey, "png"),
        "png_grey_opacity": encoded(Image.merge("LA", [grey, grey]), "png"),
        "png_palette": encoded(colours.quantize(8), "png"),
        "png_16": encoded(Image.fromarray(rng.integers(0, 65536, (5, 6)).astype(np.uint16)), "png"),
        "png_bits": encoded(grey.convert("1"), "png"),
        "bmp": encoded(colours, "bmp"),
        "gif": encoded(colours.quantize(16), "gif"),
    }


def decoded(name, content, channels):
    """None where TensorFlow cannot, or makes up an opacity."""
    if name.startswith("jpeg") and channels < 4:
        return tf.image.decode_jpeg(content, channels=channels, dct_method="INTEGER_ACCURATE")
    if name.startswith("png") and not (channels == 4 and name in ("png_palette", "png_bits")):
        return tf.image.decode_png(content, channels=channels)
    if name in ("bmp", "gif") and channels == 3 or name == "bmp" and channels == 0:
        return tf.image.decode_image(content, channels=channels, expand_animations=False)
    return None


def conversions():
    for source in ("uint8", "int16", "int32", "float32", "float64"):
        if source.startswith("float"):
            numbers = (rng.random(12) * 1.3 - 0.1).astype(source)
        else:
            numbers = rng.integers(np.iinfo(source).min, np.iinfo(source).max, 12).astype(source)
        yield f"from/{source}", numbers
        for target in ("uint8", "uint16", "int32", "float32"):
            for saturate in (0, 1):
                if saturate or target == "float32" or not source.startswith("float"):
                    result = tf.image.convert_image_dtype(numbers, target, saturate=bool(saturate))
                    yield f"convert/{source}/{target}/{saturate}", result.numpy()


def resized():
    """Small photographs, one and two, in other sizes: nearest keeps the dtype."""
    for name, shape in (("one", (9, 7, 3)), ("two", (2, 6, 8, 1))):
        photographs = rng.integers(0, 256, shape).astype(np.uint8)
        yield f"resize/{name}", photographs
        for method in ("bilinear", "nearest", "area", "lanczos3"):
            for size in ((5, 14), (16, 6)):
                for keep in (0, 1):
                    result = tf.image.resize(photographs, size, method, bool(keep), antialias=bool(keep))
                    yield f"resize/{name}/{method}/{size[0]}/{size[1]}/{keep}", result.numpy()
        for size in ((5, 14), (16, 6)):
            result = tf.image.resize_with_pad(photographs, *size)
            yield f"pad/{name}/{size[0]}/{size[1]}", result.numpy()


def main():
    arrays = {}
    for name, content in files().items():
        arrays[name] = content
        for channels in (0, 1, 3, 4):
            result = decoded(name, content.tobytes(), channels)
            if result is not None:
                arrays[f"{name}/{channels}"] = result.numpy()
    arrays.update(conversions())
    arrays.update(resized())
    np.savez_compressed(FILE, **arrays)


if __name__ == "__main__":
    main()
