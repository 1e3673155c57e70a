"""The way to memory: one AXI4 read master that two clients share, and a write master.

Clients `fetch` and `load` send commands {address, bytes}; where both offer one, fetch goes first. Words and
statuses come back in the order in which the commands were taken, each to its client. A client must take its
words: what it leaves keeps the other waiting. `store` has the write master to itself.

`clear` drops everything: commands are refused, words and statuses that still come are swallowed, bursts that
were announced get words that write nothing. When nothing is on the way any more the port is `quiet` and as
after a reset; that takes as long as the memory does, no more.

Timing equals that of one read master (golden.axi.read) serving both clients' commands in the order in which
they were accepted, and of one write master (golden.axi.write) for `store`, as long as no more than
word_owners(p) commands have words under way.
"""

from golden.accelerator.params import AcceleratorParams


def word_owners(p: AcceleratorParams) -> int:
    """Commands whose words are under way at most: twice as many as bursts, which end soon after."""
    return 2 * p.outstanding
