"""TFLite's integer operators, bit for bit: codes in, codes out, channels last.

    real = scale * (code - zero_point)

Source of the semantics: the reference kernels of TensorFlow Lite (2.17) and gemmlowp's fixed-point
arithmetic; where the built-in resolver's kernel of an operator is a table (logistic, tanh, softmax), the
table. Oracle: TFLite's C library, operator by operator and on whole networks (tests/tflite).
A sum is exact here; TFLite's has 32 bits, which its own converter sees to. One that needs more is refused.
"""
