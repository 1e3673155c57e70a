"""Programs: coded networks as commands of the accelerator and a memory for them."""
