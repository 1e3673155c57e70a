# {{ name }}: constraints for Vivado. A template: the ports' delays are the board's, or the interconnect's.
create_clock -name clk -period {{ "%.3f"|format(period) }} [get_ports clk]
set_input_delay  -clock clk {{ "%.3f"|format(0.3 * period) }} [get_ports -filter {DIRECTION == IN && NAME != clk}]
set_output_delay -clock clk {{ "%.3f"|format(0.3 * period) }} [get_ports -filter {DIRECTION == OUT}]
# rst is synchronous to clk and active high. s_axil and m_axi are in the domain of clk: put a clock
# converter between them and any other domain, not a false path.
