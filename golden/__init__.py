"""What each block must do: parameters, numbers, exact cycles. numpy only, no HDL."""
