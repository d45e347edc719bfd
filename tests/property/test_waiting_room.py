"""Who waits leaves in the order of coming, in time, and never takes more than there is room."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from jacquemart.runtime.kernel.waiting_room import WaitingRoom

MOST, MOST_BYTES = 5, 40
PLACES = st.sampled_from(["north", "south"])
TIMES = st.integers(0, 12)


class RoomModel(RuleBasedStateMachine):
    """A list that is sorted when it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.room: WaitingRoom[int] = WaitingRoom(MOST, MOST_BYTES)
        self.model: list[tuple[int, int, str, int, int]] = []
        """Came, number, place, until, size."""
        self.number = 0

    def of(self, place: str) -> list[tuple[int, int, str, int, int]]:
        return sorted(one for one in self.model if one[2] == place)

    @rule(place=PLACES, came=TIMES, until=TIMES, size=st.integers(1, 20), must=st.booleans())
    def add(self, place: str, came: int, until: int, size: int, must: bool) -> None:
        self.number += 1
        room = len(self.model) < MOST and sum(one[4] for one in self.model) + size <= MOST_BYTES
        taken = self.room.add(place, self.number, came, until, size, must=must)
        assert taken == (room or must)
        if taken:
            self.model.append((came, self.number, place, until, size))

    @rule(place=PLACES)
    def leave(self, place: str) -> None:
        row = self.of(place)
        assert self.room.first(place) == (row[0][1] if row else None)
        if row:
            self.room.leave(place)
            self.model.remove(row[0])

    @rule(now=TIMES)
    def look(self, now: int) -> None:
        late = [one for one in self.model if one[3] <= now]
        assert sorted(self.room.overdue(now)) == sorted(one[1] for one in late)
        self.model = [one for one in self.model if one not in late]

    @invariant()
    def the_same_wait(self) -> None:
        assert len(self.room) == len(self.model)
        assert set(self.room.places) == {one[2] for one in self.model}
        for place in ("north", "south"):
            assert self.room.holds(place) == bool(self.of(place))


RoomModel.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
TestRoomAgainstAList = RoomModel.TestCase
