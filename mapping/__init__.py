"""Networks to layers to tiles to schedule. Imports golden, never an HDL."""
