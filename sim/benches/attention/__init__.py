"""Benches of attention engines, and of their datapaths."""
