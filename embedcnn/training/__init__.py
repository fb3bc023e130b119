"""Training and prediction: compiled settings, the loop over batches, progress, backups and profiles."""
