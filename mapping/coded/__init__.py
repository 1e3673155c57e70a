"""Networks in codes: every tensor integers, every operation one that the accelerator has."""
