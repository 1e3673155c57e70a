"""The cycles in which a master issues its bursts: one a cycle, in order, each with a slot of its own."""

from heapq import heappop, heappush

LAST_TAKEN = 3  # cycles from a command's last response to its slot being free: status queued, offered, taken


class Slots:
    """Slots of `outstanding` bursts. Cycle 0 accepts the first command, cycle 1 can issue.

    issue     cycle of the last issue
    releases  a heap: cycles from which on the slots in use are free
    """

    def __init__(self, outstanding: int):
        self.outstanding = outstanding
        self.issue = self.last_release = 0
        self.releases: list[int] = []

    def take(self, not_before: int = 0) -> int:
        """The cycle in which the next burst is issued: as soon as a slot is free."""
        issue = self.issue + 1
        if not_before > issue:
            issue = not_before
        if len(self.releases) == self.outstanding and (free := heappop(self.releases)) > issue:
            issue = free
        self.issue = issue
        return issue

    def respond(self, cycle: int, *, final: bool) -> None:
        """The burst just issued has its last response in `cycle`; `final`: its command too."""
        release = cycle + (LAST_TAKEN if final else 1)
        heappush(self.releases, release)
        if release > self.last_release:
            self.last_release = release

    def skip(self) -> int:
        """The cycle of a command without bursts: as soon as all slots are free."""
        self.issue = max(self.issue + 1, self.last_release)
        self.releases.clear()
        self.respond(self.issue, final=True)
        return self.issue
