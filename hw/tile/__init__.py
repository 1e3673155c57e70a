"""The dot-product tile: golden.tile."""
