"""Runs of networks: in float, in codes, or with the host between matrix products."""
