"""Networks whose products by constant weights go through a PE in groups along K that share a scale."""
