"""embedcnn trains text models that stand on word embeddings, on a plain CPU."""

__version__ = "0.1.0"
