"""Legalisation: from a float network to operations on codes that a unit of the accelerator has."""
