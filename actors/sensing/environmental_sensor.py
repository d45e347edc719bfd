"""An environmental sensor: what it measures is what its template has of some families.

Two things are watched beyond the values themselves. A value above its limit is told once, and
its return once, with some distance between the two, so that a value that wavers around its limit
does not chatter. And a value that has not moved at all for hours is more likely a sensor that
has died with its last value in its mouth than still air: it is told, and counted in ``frozen``.
Its quality is left alone, since the field said it and nobody knows better.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from jacquemart.runtime.actor import Aggregate, DeviceActor, Point
from jacquemart.runtime.model.city import TemplateSpec
from jacquemart.runtime.model.quality import Quality

#: A limit counts as kept again below this share of itself under it.
HYSTERESIS = 0.05
#: A value that did not change for so many hours is frozen.
UNCHANGED_H = 6.0
#: How often that is looked at.
LOOK_S = 60.0
#: What is left in a battery when somebody should come.
BATTERY_LOW = 15.0
#: A value of such a point may rest at 0 for days: that no rain falls is no fault.
RESTS_AT_0 = "rain"

_POLL_MS = 300_000
_MEASURED = (
    ("temperature*", "of the air", "°C", -60, 80),
    ("humidity*", "relative humidity of the air", "%", 0, 100),
    ("pressure*", "of the air", "hPa", 800, 1_100),
    ("no2*", "nitrogen dioxide", "µg/m³", 0, 2_000),
    ("o3*", "ozone", "µg/m³", 0, 1_000),
    ("pm10*", "particles up to 10 µm", "µg/m³", 0, 2_000),
    ("pm2_5*", "particles up to 2.5 µm", "µg/m³", 0, 2_000),
    ("noise*", "sound level, A-weighted", "dB(A)", 0, 140),
    ("rain*", "rain in the last hour", "mm", 0, 300),
)


class EnvironmentalSensor(DeviceActor):
    """One place where the air, the noise or the weather is measured.

    Options of a template: ``limits = { no2 = 200 }`` (in the point's unit) tells when a value
    goes above, and when it is 5 % below again; ``unchanged_h`` (6 by default) is after how many
    hours without any change a value counts as frozen.
    """

    __slots__ = ("_above", "_frozen", "_limits", "_moved_s", "_unchanged_s")

    kind = "environmental_sensor"
    points = (
        *(
            Point(name, about, unit=unit, low=low, high=high, poll_ms=_POLL_MS, required=False)
            for name, about, unit, low, high in _MEASURED
        ),
        Point("battery", "charge that is left", unit="%", low=0, high=100, poll_ms=_POLL_MS,
              required=False),
        Point("frozen", "how many values have not moved for hours", "count", low=0,
              derived=True),
    )  # fmt: skip
    watched = frozenset({*(name for name, *_ in _MEASURED), "battery"})
    summary = (
        Aggregate("NO2", "no2", "mean", "µg/m³"),
        Aggregate("PM10", "pm10", "mean", "µg/m³"),
        Aggregate("noise", "noise", "maximum", "dB(A)"),
        Aggregate("temperature", "temperature", "mean", "°C"),
        Aggregate("frozen", "frozen", "sum"),
    )

    @staticmethod
    def check_options(options: Mapping[str, Any]) -> Sequence[tuple[str, Any, str]]:
        """Return what is wrong with a template's options, as ``(key, found, allowed)``."""
        names = ("limits", "unchanged_h")
        wrong = [(key, found, ", ".join(names)) for key, found in options.items()
                 if key not in names]  # fmt: skip
        limits = options.get("limits", {})
        if not isinstance(limits, Mapping):
            return [*wrong, ("limits", limits, "{ point = limit }")]
        wrong += [(f"limits.{k}", v, "a number") for k, v in limits.items() if not _number(v)]
        hours = options.get("unchanged_h", UNCHANGED_H)
        if not _number(hours) or hours <= 0:
            wrong.append(("unchanged_h", hours, "a number of hours above 0"))
        return wrong

    @staticmethod
    def check_template(template: TemplateSpec) -> Sequence[tuple[str, Any, str]]:
        """Return the limits of points that the template does not have."""
        limits: Mapping[str, Any] = template.options.get("limits", {})
        names = [point.name for point in template.points]
        lost = [name for name in limits if name not in names]
        return [(f"options.limits.{name}", limits[name], ", ".join(names)) for name in lost]

    def on_start(self) -> None:
        """Begin with everything below its limit and moving."""
        options = self.template.options
        self._limits: Mapping[str, float] = options.get("limits", {})
        self._unchanged_s = float(options.get("unchanged_h", UNCHANGED_H)) * 3_600.0
        self._above: set[str] = set()
        self._moved_s: dict[str, float] = {}
        self._frozen: set[str] = set()
        self._tell_frozen()
        self.every(LOOK_S, self._look)

    def reading(self, point: str, value: float, quality: int) -> None:
        """Follow limits, and remember that the value has moved."""
        if quality >= Quality.STALE_AGE:
            return
        if point == "battery":
            self._judge(point, "battery_low", BATTERY_LOW - value, 1.0, value)
            return
        self._moved_s[point] = self._now_s()
        if point in self._frozen:
            self._frozen.discard(point)
            self.emit("moving_again", point=point)
            self._tell_frozen()
        limit = self._limits.get(point)
        if limit is not None:
            self._judge(point, "limit_exceeded", value - limit, HYSTERESIS * abs(limit), value)

    def _judge(self, point: str, name: str, above: float, width: float, value: float) -> None:
        """Tell when a value goes beyond its limit, and when it is well within it again."""
        if above > 0 and point not in self._above:
            self._above.add(point)
            self.emit(name, 1, point=point, value=value)
        elif above < -width and point in self._above:
            self._above.discard(point)
            self.emit(f"{name}_no_more", point=point, value=value)

    def _look(self) -> None:
        now_s = self._now_s()
        for point, moved_s in self._moved_s.items():
            value = self.good(point)
            if value is None or (value == 0.0 and point.startswith(RESTS_AT_0)):
                self._moved_s[point] = now_s  # silent is not frozen: that is its quality's affair
            elif now_s - moved_s >= self._unchanged_s and point not in self._frozen:
                self._frozen.add(point)
                self.emit("value_frozen", 1, point=point, value=value)
                self._tell_frozen()

    def _tell_frozen(self) -> None:
        self.publish("frozen", float(len(self._frozen)))

    def _now_s(self) -> float:
        return self.host.clock.boot_ns() / 1e9


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
