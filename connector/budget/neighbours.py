"""Other applications that call the same store, as the store's counter shows them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_SHARED = 600.0  # seconds for which their calls are expected to go on
_BUSY = 600.0  # seconds for which they are expected to make as many again


@dataclass(slots=True)
class Neighbours:
    """How many calls they make in a window. Times as in `Window`."""

    until: float = 0.0  # when they count as gone
    calls: int = 0  # of theirs that were seen in the newest window
    peaks: list[tuple[float, int]] = field(default_factory=list)  # until when it counts, calls; descending

    def are_there(self, now: float) -> bool:
        """Whether they are expected to call."""
        return now < self.until

    def called(self, calls: int, now: float) -> None:
        """So many calls at least that are not ours are in the newest window."""
        self.until = now + _SHARED
        self.calls = max(self.calls, calls)
        self.peaks = [one for one in self.peaks if one[1] > self.calls]
        self.peaks.append((now + _BUSY, self.calls))

    def busiest(self, now: float) -> int:
        """Their calls in their busiest window of late."""
        return max((calls for until, calls in self.peaks if until > now), default=0)

    def begin_window(self) -> None:
        """Nothing is seen of them in it yet."""
        self.calls = 0

    def forget(self) -> None:
        """Nothing is known of them."""
        self.until, self.calls = 0.0, 0
        self.peaks.clear()

    def dump(self) -> dict[str, Any]:
        """What `load` reads."""
        return {"shared_until": self.until, "busiest": [list(one) for one in self.peaks], "others": self.calls}

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "Neighbours":
        """As it was stored; versions before kept less."""
        peaks = [(until, calls) for until, calls in stored.get("busiest", ())]
        return cls(stored["shared_until"], stored.get("others", 0), peaks)
