"""Pattern matching: several primitive operators recognised as one operation that a unit executes whole."""
