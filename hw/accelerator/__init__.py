"""The accelerator's units. Golden: golden.accelerator."""
