"""A matrix product, then Relu: the product's attribute `activation`."""

from dataclasses import replace

from mapping.network import Network
from mapping.passes.rewrite import changed, sole_reader, until_settled


@until_settled
def fuse_activation(network: Network) -> Network | None:
    """The network with each Relu fused to the product before it, where nothing else reads the product."""
    readers = network.consumers()
    for node in network.nodes:
        follower = sole_reader(network, readers, node.outputs[0]) if node.is_product else None
        if follower is not None and follower.operator == "Relu" and "activation" not in node.attributes:
            attributes = {**node.attributes, "activation": "Relu"}
            fused = replace(node, outputs=follower.outputs, attributes=attributes)
            return changed(network, nodes={node.name: fused, follower.name: None})
    return None
