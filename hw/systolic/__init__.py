"""Systolic arrays and the matrix unit around them."""
