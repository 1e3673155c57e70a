"""The accelerator: load, matrix, vector and store units and others, driven by a stream of commands."""
