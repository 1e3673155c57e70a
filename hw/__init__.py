"""The RTL of each block, in Amaranth. Imports golden, nobody else."""
