"""Pattern matching: what several primitive operators mean together."""
