"""From generated Verilog to area, clock and power, by real tools; and the cost library that they fill."""
