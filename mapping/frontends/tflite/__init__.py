"""TFLite files: read, then translated to ONNX's operators in reals, or kept in their own codes."""
