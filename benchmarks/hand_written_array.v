// The weight-stationary array as a person writes it: the yardstick of benchmarks/array_speed.py.
// Same ports, same cycles, same registers as the generated one.
module hand_pe #(parameter W = 8, A = 8, ACC = 32) (
  input clk, rst, load, parity, swap,
  input held_above,
  output reg held,
  input signed [W-1:0] next_in,
  output reg signed [W-1:0] next,
  input signed [A-1:0] moving,
  input signed [ACC-1:0] acc_in,
  output reg signed [ACC-1:0] acc
);
  reg signed [W-1:0] resting;
  wire take = load & (held_above == parity);
  always @(posedge clk) begin
    if (rst) held <= 1'b0;
    else if (take) held <= parity;
    if (take) next <= next_in;
    if (swap) resting <= next;
    acc <= acc_in + resting * moving;
  end
endmodule

module hand_array #(
  parameter ROWS = 16, COLS = 16, W = 8, A = 8, ACC = 32
) (
  input clk, rst,
  input [ROWS*A-1:0] left,
  input swap,
  input [COLS*W-1:0] top,
  input load, parity,
  output [COLS*ACC-1:0] acc
);
  genvar r, c;
  wire [A-1:0] left_skewed [0:ROWS-1];
  wire [ROWS-1:0] swap_skewed;
  generate
    for (r = 0; r < ROWS; r = r + 1) begin : edge_left
      if (r == 0) begin
        assign left_skewed[0] = left[0 +: A];
        assign swap_skewed[0] = swap;
      end else begin
        reg [r*A-1:0] line;
        reg [r-1:0] flags;
        always @(posedge clk) line <= {line, left[r*A +: A]};
        always @(posedge clk) flags <= rst ? {r{1'b0}} : {flags, swap};
        assign left_skewed[r] = line[(r-1)*A +: A];
        assign swap_skewed[r] = flags[r-1];
      end
    end
    for (c = 0; c < COLS; c = c + 1) begin : column
      reg signed [W-1:0] entering;
      reg load_q, parity_q;
      if (c == 0) begin
        always @(posedge clk) begin
          entering <= top[0 +: W];
          load_q <= load & ~rst;
          parity_q <= parity & ~rst;
        end
      end else begin
        reg [c*W-1:0] line;
        always @(posedge clk) begin
          line <= {line, top[c*W +: W]};
          entering <= line[(c-1)*W +: W];
          load_q <= column[c-1].load_q & ~rst;
          parity_q <= column[c-1].parity_q & ~rst;
        end
      end
      for (r = 0; r < ROWS; r = r + 1) begin : row
        reg signed [A-1:0] moving;
        reg swap_q;
        wire held;
        wire signed [W-1:0] next;
        wire signed [ACC-1:0] acc;
        if (c == 0) always @(posedge clk) begin
          moving <= left_skewed[r];
          swap_q <= swap_skewed[r] & ~rst;
        end else always @(posedge clk) begin
          moving <= column[c-1].row[r].moving;
          swap_q <= column[c-1].row[r].swap_q & ~rst;
        end
        if (r == 0)
          hand_pe #(W, A, ACC) pe (clk, rst, load_q, parity_q, swap_q, parity_q, held, entering, next,
                                   moving, {ACC{1'b0}}, acc);
        else
          hand_pe #(W, A, ACC) pe (clk, rst, load_q, parity_q, swap_q, column[c].row[r-1].held, held,
                                   column[c].row[r-1].next, next, moving, column[c].row[r-1].acc, acc);
      end
      assign acc[c*ACC +: ACC] = row[ROWS-1].acc;
    end
  endgenerate
endmodule
