"""Runs of the RTL: tool discovery, compiled models, cocotb benches. Imports hw and golden."""
