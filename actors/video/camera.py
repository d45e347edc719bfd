"""A camera: its health, its presets and its movements. No video travels here, only references.

A camera that moves goes on until somebody stops it. So each movement is bounded three times:
its speed is clamped to -1 … 1; a time-out is armed before the movement is asked for, and again
when it began, and sends the stop; and an actor that stops, or starts anew after a fault, sends it
too. An operator's console renews the movement while the stick is held: one that is gone renews
nothing. A driver should give the camera itself a time-out as well, for the case that we are gone.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import Any

from jacquemart.actors.video.health import HEALTH, check_options
from jacquemart.runtime.actor import Aggregate, Argument, DeviceActor, Point, Ticket, command
from jacquemart.runtime.kernel.readback import Verdict
from jacquemart.runtime.model.claim import LIFE_SAFETY
from jacquemart.runtime.model.outcome import Outcome, Status
from jacquemart.runtime.model.quality import Quality

AXES = ("pan", "tilt", "zoom")
#: For how long a camera moves at most without being told so again.
MOVE_S = 1.0
#: Between two tries to stop it, and when somebody must know.
STOP_AGAIN_S = 1.0
STOPS_UNTIL_TOLD = 3
_NEVER_SENT = (Status.REJECTED, Status.EXPIRED)


class Camera(DeviceActor):
    """One camera, fixed or moving.

    Options of a template: ``stream`` is where its video can be seen, with ``{id}`` and the
    parameters of the device in it; ``move_s`` (1 by default, 0.1 to 10) is for how long it moves
    at most unless told again. The ``words`` of its point ``preset`` name its presets.

    Rules: a speed is clamped to -1 … 1; a stop is never refused.
    """

    __slots__ = ("_ill", "_moving", "_stops", "_timer")

    kind = "camera"
    points = (
        Point("online", "whether the camera answers its recorder", "flag", poll_ms=10_000,
              urgent=True),
        Point("recording", "whether its video is recorded", "flag", poll_ms=10_000, urgent=True),
        Point("tampering", "whether it is covered, turned away or defocused", "flag",
              poll_ms=10_000, urgent=True),
        Point("preset", "the preset that it goes to, from 0", "count", low=0, high=254,
              writable=True, required=False, poll_ms=0),
        *(
            Point(axis, f"speed of its {axis}; 0: it stands still", low=-1, high=1,
                  writable=True, required=False, tolerance=0.02, poll_ms=0)
            for axis in AXES
        ),
    )  # fmt: skip
    watched = frozenset(HEALTH)
    summary = (
        Aggregate("online", "online", "sum"),
        Aggregate("recording", "recording", "sum"),
        Aggregate("tampering", "tampering", "sum"),
    )

    @staticmethod
    def check_options(options: Mapping[str, Any]) -> Sequence[tuple[str, Any, str]]:
        """Return what is wrong with a template's options, as ``(key, found, allowed)``."""
        return check_options(options)

    def on_start(self) -> None:
        """Begin with a camera that is well; one that moved before a fault of ours is stopped."""
        self._ill: set[str] = set()
        moving: set[str] = getattr(self, "_moving", set())
        self._moving: set[str] = set()
        self._stops = 0
        self._timer: asyncio.TimerHandle | None = None
        if moving:
            self._moving |= moving
            self._stop_moving()

    def on_closing(self) -> bool:
        """Stop a movement while the link is still there."""
        moving = bool(self._moving)
        if moving:
            self._stop_moving()
        return moving

    def on_stop(self) -> None:
        """Stop a movement: nobody is left to do it later."""
        self.on_closing()

    @command("pan", "turns left (below 0) or right", Argument(), volatile=True)
    def pan(self, ticket: Ticket) -> None:
        """Turn, until the time-out or the next word."""
        self._move("pan", ticket)

    @command("tilt", "turns down (below 0) or up", Argument(), volatile=True)
    def tilt(self, ticket: Ticket) -> None:
        """Turn, until the time-out or the next word."""
        self._move("tilt", ticket)

    @command("zoom", "zooms out (below 0) or in", Argument(), volatile=True)
    def zoom(self, ticket: Ticket) -> None:
        """Zoom, until the time-out or the next word."""
        self._move("zoom", ticket)

    @command("stop", "stops every movement", volatile=True)
    async def stop_moving(self, ticket: Ticket) -> None:
        """Stop all axes that the camera has, one after the other."""
        axes = [axis for axis in AXES if self.template.point_index(axis) >= 0]
        for axis in axes[:-1]:
            await self.attempt(axis, 0.0, ticket)
        if axes:
            self.write(axes[-1], 0.0, ticket)

    @command("preset", "turns to a preset", Argument(like="preset"), volatile=True)
    def to_preset(self, ticket: Ticket) -> None:
        """Turn to one of the presets that the template names."""
        self.write("preset", float(ticket.value or 0), ticket)

    def rule(self, point: str, value: float) -> str | None:
        """Arm the time-out of a movement before it is asked for."""
        if point in AXES and value != 0.0:
            self._arm(point)
        return None

    def written(self, ticket: Ticket, verdict: Verdict, value: float | None) -> None:
        """Arm it again when the movement has begun: it may have waited for its link."""
        if ticket.point in AXES and verdict.status not in _NEVER_SENT:
            if ticket.value:
                self._arm(ticket.point)
            elif verdict.status is Status.APPLIED:
                self._stands(ticket.point)
        super().written(ticket, verdict, value)

    def reading(self, point: str, value: float, quality: int) -> None:
        """Tell what ails the camera, once, and when it is well again."""
        ill, name, better, severity = HEALTH[point]
        if quality >= Quality.STALE_AGE:
            return
        if bool(value) is ill and point not in self._ill:
            self._ill.add(point)
            self.emit(name, severity)
        elif bool(value) is not ill and point in self._ill:
            self._ill.discard(point)
            self.emit(better)

    def texts(self) -> Mapping[str, str]:
        """Return where the video can be seen."""
        stream = str(self.template.options.get("stream", "")).replace("{id}", self.id)
        for name, found in self.spec.parameters.items():
            stream = stream.replace(f"{{{name}}}", str(found))
        return {"stream": stream} if stream else {}

    def _move(self, axis: str, ticket: Ticket) -> None:
        speed = float(ticket.value or 0)
        self.write(axis, math.copysign(min(abs(speed), 1.0), speed), ticket)

    def _arm(self, axis: str) -> None:
        self._moving.add(axis)
        self._stops = 0
        self._again(float(self.template.options.get("move_s", MOVE_S)))

    def _again(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.after(seconds, self._stop_moving)

    def _stop_moving(self) -> None:
        """Send the stop, and again until the camera shows that it stands."""
        self._stops += 1
        if self._stops == STOPS_UNTIL_TOLD:
            self.emit("camera_does_not_stop", 2, axes=", ".join(sorted(self._moving)))
        self._again(STOP_AGAIN_S)
        for axis in sorted(self._moving):
            # Whoever holds or has reserved it: what turns by itself must come to a stand.
            self.act(axis, 0.0, priority=LIFE_SAFETY, then=self._told)

    def _told(self, outcome: Outcome) -> None:
        if outcome.applied:
            self._stands(outcome.point)

    def _stands(self, axis: str) -> None:
        self._moving.discard(axis)
        if not self._moving and self._timer is not None:
            self._timer.cancel()
            self._timer = None
