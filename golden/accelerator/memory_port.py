"""The way to memory: one AXI4 read master that two clients share, and a write master.

Clients `fetch` and `load` send commands {address, bytes}; where both offer one, fetch goes first. Words and
statuses come back in the order in which the commands were accepted, each to its client. A client must take
its words: a word that is not taken blocks the other client. `store` has the write master to itself.

`clear` drops everything: commands are refused, words and statuses that still come are swallowed, and bursts
that were announced on AW get words whose strobes write nothing. Once nothing is outstanding the port is
`quiet` and in its reset state; that takes as long as the memory needs, no longer.

Timing equals that of one read master (golden.axi.read) serving both clients' commands in the order in which
they were accepted, and of one write master (golden.axi.write) for `store`, as long as no more than
word_owners(p) commands have words under way.
"""

from golden.accelerator.params import AcceleratorParams


def word_owners(p: AcceleratorParams) -> int:
    """Commands whose words are under way at most: twice as many as bursts, which end soon after."""
    return 2 * p.outstanding
