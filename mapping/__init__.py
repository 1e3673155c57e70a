"""The mapper: from a network to layers, tiles and a schedule. Imports golden, never an HDL."""
