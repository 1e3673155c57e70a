"""Attention engines in RTL, and the datapaths that they place."""
