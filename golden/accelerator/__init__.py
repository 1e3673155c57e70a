"""The accelerator: units that load, multiply, do what follows, and store, driven by a stream of commands."""
