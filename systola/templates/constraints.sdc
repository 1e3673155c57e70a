# {{ name }}: constraints for ASIC tools. A template: delays are 30 % of a cycle on either side.
create_clock -name clk -period {{ "%.3f"|format(period) }} [get_ports clk]
set_clock_uncertainty {{ "%.3f"|format(0.05 * period) }} [get_clocks clk]
set inputs [remove_from_collection [all_inputs] [get_ports clk]]
set_input_delay  -clock clk {{ "%.3f"|format(0.3 * period) }} $inputs
set_output_delay -clock clk {{ "%.3f"|format(0.3 * period) }} [all_outputs]
# rst is synchronous to clk and active high.
