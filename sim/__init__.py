"""How RTL is run: tool discovery, compiled models, cocotb benches. Imports hw and golden."""
