"""AXI4: masters that move memory as streams of bus words."""
