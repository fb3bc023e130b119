"""The text CNN as a module of PyTorch, for grid_search.py: workers of joblib import it by its name."""

import torch
from torch import nn


class TextCNN(nn.Module):
    """Embeddings, filters over a few words, the largest value of each, dropout, one dense layer."""

    def __init__(self, words, dimensions=100, sizes=(2, 3, 4), filters=100, dropout=0.5, classes=2):
        super().__init__()
        self.embedding = nn.Embedding(words, dimensions, padding_idx=0)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(dimensions, filters, size, padding="same") for size in sizes
        )
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(filters * len(sizes), classes)

    def forward(self, ids):
        longest = max(1, int((ids != 0).sum(1).max()))  # a batch is as wide as its longest text
        x = self.embedding(ids[:, :longest]).transpose(1, 2)
        pooled = [torch.relu(convolution(x)).amax(2) for convolution in self.convolutions]
        return self.dense(self.dropout(torch.cat(pooled, 1)))
