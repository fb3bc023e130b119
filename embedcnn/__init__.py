"""embedcnn trains text models that stand on word embeddings, on a plain CPU."""

from embedcnn.runtime import get_num_threads, set_num_threads, show_config  # first: it loads the core

__version__ = "0.1.0"
__all__ = ["__version__", "get_num_threads", "set_num_threads", "show_config"]
