// Self-checking testbench of {{ name }}: {{ shape }} against golden.
// All inputs are offered at once and all outputs taken, so the cycles are those of no stall.
`timescale 1ns/1ps
module {{ name }}_tb;
  reg clk = 0, rst = 1;
  always #1 clk = ~clk;
  integer cycle = 0, first = -1, words = 0, faults = 0;
{% for stream, words in inputs.items() %}
  reg [{{ widths[stream] - 1 }}:0] {{ stream }}_word [0:{{ words|length - 1 }}];
  integer {{ stream }}_at = 0;
  wire {{ stream }}_ready;
  wire {{ stream }}_valid = !rst && {{ stream }}_at < {{ words|length }};
  always @(posedge clk) if ({{ stream }}_valid && {{ stream }}_ready) {{ stream }}_at <= {{ stream }}_at + 1;
{% endfor %}

  reg [{{ widths.o - 1 }}:0] golden [0:{{ outputs|length - 1 }}];
  wire [{{ widths.o - 1 }}:0] o_payload;
  wire o_valid;
  {{ top }} dut (
    .clk(clk), .rst(rst),
{% for stream in inputs %}
    .{{ stream }}_valid({{ stream }}_valid), .{{ stream }}_ready({{ stream }}_ready), .{{ stream }}_payload({{ stream }}_word[{{ stream }}_at]),
{% endfor %}
    .o_valid(o_valid), .o_ready(1'b1), .o_payload(o_payload)
  );

  wire taken = {% for stream in inputs %}({{ stream }}_valid && {{ stream }}_ready){{ " || " if not loop.last }}{% endfor %};
  always @(posedge clk) if (!rst) begin
    cycle <= cycle + 1;
    if (taken && first < 0) first <= cycle;
    if (o_valid) begin
      if (o_payload !== golden[words]) begin
        $display("word %0d is %h, golden %h", words, o_payload, golden[words]);
        faults <= faults + 1;
      end
      words <= words + 1;
      if (words == {{ outputs|length - 1 }}) begin
        if (faults || o_payload !== golden[words]) $display("FAIL: wrong words");
        else if (cycle - first + 1 != {{ cycles }})
          $display("FAIL: %0d cycles, golden {{ cycles }}", cycle - first + 1);
        else $display("PASS: {{ outputs|length }} words, {{ cycles }} cycles");
        $finish;
      end
    end
    if (cycle > {{ limit }}) begin
      $display("FAIL: %0d of {{ outputs|length }} words after {{ limit }} cycles", words);
      $finish;
    end
  end

  initial begin
{% for stream, words in inputs.items() %}
{% for word in words %}
    {{ stream }}_word[{{ loop.index0 }}] = {{ widths[stream] }}'h{{ "%x"|format(word) }};
{% endfor %}
{% endfor %}
{% for word in outputs %}
    golden[{{ loop.index0 }}] = {{ widths.o }}'h{{ "%x"|format(word) }};
{% endfor %}
    @(negedge clk) @(negedge clk) rst = 0;
  end
endmodule
