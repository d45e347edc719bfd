"""The mailbox in plain Python: lists and one dict, searched anew at every call."""

from __future__ import annotations

from collections.abc import Hashable

LANES, TELEMETRY, SHARE = 4, 3, 16


class OracleMailbox:
    """Same methods as Mailbox; a lane is a list of [key, message], oldest first."""

    def __init__(
        self, safety: int = 64, commands: int = 256, events: int = 256, telemetry: int = 256
    ) -> None:
        self.capacities = (safety, commands, events, telemetry)
        self.lanes: list[list[list[object]]] = [[] for _ in range(LANES)]
        self.since = [0] * LANES
        self.takes = 0
        self.passed = 0
        self.dropped = 0
        self.conflated = 0
        self.refused = 0

    def post(self, lane: int, message: object, key: Hashable | None = None) -> bool:
        if not 0 <= lane < LANES or message is None:
            raise ValueError(lane, message)
        waiting = self.lanes[lane]
        if lane == TELEMETRY and key is not None:
            for entry in waiting:
                if entry[0] == key:
                    entry[1] = message
                    self.conflated += 1
                    return True
        if len(waiting) >= self.capacities[lane]:
            if lane != TELEMETRY or self.capacities[lane] == 0:
                self.refused += 1
                return False
            del waiting[0]
            self.dropped += 1
            # The lane does not become non-empty: it was, all the time.
            waiting.append([key, message])
            return True
        if not waiting:
            self.since[lane] = self.takes
        waiting.append([key if lane == TELEMETRY else None, message])
        return True

    def take(self) -> object | None:
        filled = [lane for lane in range(LANES) if self.lanes[lane]]
        if len(filled) < 2:
            self.passed = 0
            if not filled:
                return None
            lane = filled[0]
        else:
            self.passed += 1
            lane = filled[0]
            if self.passed == SHARE:
                self.passed = 0
                lane = min(filled[1:], key=lambda lower: (self.since[lower], lower))
        self.takes += 1
        self.since[lane] = self.takes
        return self.lanes[lane].pop(0)[1]

    def depth(self, lane: int) -> int:
        return len(self.lanes[lane])

    def clear(self) -> list[object]:
        waited = [message for lane in self.lanes for _, message in lane]
        for lane in self.lanes:
            lane.clear()
        self.passed = 0
        return waited

    def __len__(self) -> int:
        return sum(map(len, self.lanes))

    def __bool__(self) -> bool:
        return len(self) > 0
