"""The way to memory: one AXI4 read master that two clients share, and a write master.

Clients `fetch` and `load` send commands {address, bytes}; where both offer one, fetch goes first. Words and
statuses come back in the order in which the commands were taken, each to its client. A client must take its
words: what it leaves keeps the other waiting. `store` has the write master to itself.

`clear` drops everything: commands are refused, words and statuses that still come are swallowed, bursts that
were announced get words that write nothing. When nothing is on the way any more the port is `quiet` and as
after a reset; that takes as long as the memory does, no more.

The port adds no cycle to what golden.axi.read and golden.axi.write count: a command that is offered alone
takes what they say, and commands of both clients take what they say of all of them in the order taken, as
long as no more than word_owners(p) have words under way.
"""

from golden.accelerator.params import AcceleratorParams


def word_owners(p: AcceleratorParams) -> int:
    """Commands whose words are under way at most: twice as many as bursts, as those are soon behind."""
    return 2 * p.outstanding
