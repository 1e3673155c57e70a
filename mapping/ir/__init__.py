"""The integer graph: operations on codes, and its verifier."""
