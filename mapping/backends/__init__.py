"""Backends: from operations to passes of a block of streams, or to a program of the accelerator."""
