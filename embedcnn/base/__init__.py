"""What every other part stands on: checked arguments, seeds, files written whole or not at all."""
