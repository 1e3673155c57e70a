"""Each figure the README claims, as a ratio measured here: `python -m benchmarks [NAME ...]`."""
