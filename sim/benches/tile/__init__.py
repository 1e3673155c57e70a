"""Benches of the dot-product tile."""
