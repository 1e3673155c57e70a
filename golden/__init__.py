"""The specification of each block: parameters, numbers, exact cycles. numpy only, no HDL."""
