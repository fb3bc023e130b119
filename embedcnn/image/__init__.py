"""Images: decoding, resizing and conversion with tf.image's names; Keras's `load_img` and its like."""

from embedcnn.image.conversion import convert_image_dtype
from embedcnn.image.decoding import DamagedImageError, decode_image, decode_jpeg, decode_png
from embedcnn.image.pictures import array_to_img, img_to_array, load_img, save_img
from embedcnn.image.resizing import resize, resize_with_pad

__all__ = [
    "DamagedImageError",
    "array_to_img",
    "convert_image_dtype",
    "decode_image",
    "decode_jpeg",
    "decode_png",
    "img_to_array",
    "load_img",
    "resize",
    "resize_with_pad",
    "save_img",
]
