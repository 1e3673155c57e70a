"""Ranges, scales and codes of tensors."""
