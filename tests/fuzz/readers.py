"""Every reader of users' files by name."""

from tests.fuzz import binaries, onnx_files, texts

READERS = {
    "design": texts.Designs,
    "shapes": texts.Shapes,
    "topology": texts.Topologies,
    "liberty": texts.Libraries,
    "memories": texts.Memories,
    "onnx": onnx_files.Onnx,
    "qdq": onnx_files.Coded,
    "tflite": binaries.Tflite,
    "gguf": binaries.Gguf,
    "hugging_face": binaries.HuggingFace,
    "arrays": binaries.Arrays,
}
