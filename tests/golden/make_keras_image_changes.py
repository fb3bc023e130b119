"""Writes keras_image_changes.npz: what Keras 3.15.1 on TensorFlow gives for image_change_cases.py.

Run once, where both are installed:

    KERAS_BACKEND=tensorflow python tests/golden/make_keras_image_changes.py
"""

import pathlib

import numpy as np
from image_change_cases import CONTRASTS, FILLS, IMAGES, MAPS, cases

if __name__ == "__main__":
    import keras

    made = {}
    for name, (layer, arguments, settings, images) in cases().items():
        options = {"training": True} if layer.startswith("Random") else {}
        made[name] = getattr(keras.layers, layer)(*arguments, **settings)(IMAGES[images], **options)
    for name, values in MAPS.items():
        for fill in FILLS:
            made[f"{name}, {fill}"] = keras.ops.image.affine_transform(
                IMAGES["wide"], np.float32([values]), fill_mode=fill, fill_value=5.0
            )
    for factor in CONTRASTS:
        change = {"contrast_factor": factor}
        made[f"contrast {factor}"] = keras.layers.RandomContrast(0.5).transform_images(IMAGES["wide"], change)
    made = {name: np.asarray(value, np.float32) for name, value in made.items()}
    np.savez_compressed(pathlib.Path(__file__).with_name("keras_image_changes.npz"), **made)
    print(len(made), "arrays")
