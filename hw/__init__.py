"""The RTL of each block, in Amaranth. Imports golden, and no other room."""
