"""Attention engines: a sliding window in rolling buffers, and streaming in constant memory."""
