"""The dot-product tile: PEs that operands are broadcast to, sums that stay, groups that are scaled."""
