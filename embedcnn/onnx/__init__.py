"""Models to and from ONNX (extra `onnx`)."""
