"""AXI4 masters."""
