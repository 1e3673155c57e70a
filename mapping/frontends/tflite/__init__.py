"""TFLite files: read, translated to ONNX's operators, or taken in their codes as they are."""
