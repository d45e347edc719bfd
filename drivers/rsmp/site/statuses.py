"""What the emulated controller answers for each status of the SXL. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from jacquemart.drivers.rsmp.site.controller import Mode
from jacquemart.drivers.rsmp.wire import stamp
from jacquemart.drivers.rsmp.wire.values import bool_text

if TYPE_CHECKING:
    from jacquemart.drivers.rsmp.site.tlc import Tlc

Reader = Callable[[], Any]
#: The emulator has one intersection, which RSMP calls 0 ("all").
_ALL: Final = "0"


class Statuses:
    """Reads statuses by component, code and name."""

    def __init__(self, tlc: Tlc) -> None:
        """Read of a controller."""
        self._tlc = tlc
        self._began_ms = tlc.now.wall_ms
        self._readers: dict[tuple[str, str], Reader] = {}
        self._signals()
        self._modes()
        self._tables()
        self._counts()

    def read(self, component: str, code: str, name: str) -> Any:
        """Return a status, or None: a traffic count of what this emulator has no loops for."""
        reader = self._readers.get((code, name))
        return reader() if reader is not None else None

    def _add(self, code: str, **readers: Reader) -> None:
        for name, reader in readers.items():
            self._readers[code, name] = reader

    def _signals(self) -> None:
        tlc, controller = self._tlc, self._tlc.controller
        self._add(
            "S0001",
            signalgroupstatus=controller.groups,
            cyclecounter=lambda: str(int(controller.cycle_s)),
            basecyclecounter=lambda: str(int(controller.cycle_s)),
            stage=lambda: str(controller.stage),
        )
        self._add("S0002", detectorlogicstatus=lambda: bits(controller.detectors))
        inputs, outputs = len(tlc.inputs), len(tlc.outputs)
        self._add(
            "S0003",
            inputstatus=lambda: bits(tlc.input(n + 1) for n in range(inputs)),
            extendedinputstatus=lambda: "0",
        )
        self._add(
            "S0004",
            outputstatus=lambda: bits(tlc.output(n + 1) for n in range(outputs)),
            extendedoutputstatus=lambda: "0",
        )
        self._add(
            "S0021", detectorlogics=lambda: bits(
                name in tlc.detectors_forced for name in tlc.options.detectors
            ),
        )  # fmt: skip
        self._add("S0029", status=lambda: bits(n + 1 in tlc.forced_inputs for n in range(inputs)))
        self._add("S0030", status=lambda: bits(n + 1 in tlc.forced_outputs for n in range(outputs)))
        self._add("S0031", status=lambda: tlc.trigger_levels)
        self._add("S0033", status=self._priorities)

    def _modes(self) -> None:
        tlc, controller = self._tlc, self._tlc.controller

        def by_intersection(code: str, holds: Callable[[], bool], source: Reader) -> None:
            self._add(
                code, intersection=lambda: _ALL, status=lambda: bool_text(holds()), source=source
            )

        def mode_source() -> str:
            return "startup" if controller.starting else tlc.mode_source

        starting = controller
        self._add(
            "S0005",
            status=lambda: bool_text(starting.starting),
            statusByIntersection=lambda: [
                {"intersection": _ALL, "startup": bool_text(starting.starting)}
            ],
        )
        self._add(
            "S0006",
            status=lambda: bool_text(bool(tlc.emergency)),
            emergencystage=lambda: str(min(tlc.emergency, default=0)),
        )
        by_intersection("S0007", lambda: controller.mode is not Mode.DARK, mode_source)
        by_intersection("S0008", lambda: tlc.local, lambda: "operator_panel")
        by_intersection("S0009", lambda: tlc.fixed_time, lambda: "other")
        by_intersection("S0010", lambda: True, lambda: "other")
        by_intersection(
            "S0011", lambda: controller.mode is Mode.YELLOW_FLASH or bool(controller.fault),
            mode_source,
        )  # fmt: skip
        by_intersection("S0012", lambda: False, lambda: "other")
        self._add("S0013", intersection=lambda: _ALL, status=lambda: "0")
        self._add("S0014", status=lambda: str(controller.plan), source=lambda: tlc.plan_source)
        self._add("S0015", status=lambda: str(tlc.situation), source=lambda: "other")
        self._add("S0020", intersection=lambda: _ALL, controlmode=self._control_mode)
        self._add("S0032", intersection=lambda: _ALL, status=lambda: "off", source=lambda: "other")
        self._add("S0035", emergencyroutes=lambda: [{"id": str(n)} for n in sorted(tlc.emergency)])
        self._add("S0091", user=lambda: "0")
        self._add("S0092", user=lambda: "0")

    def _control_mode(self) -> str:
        controller = self._tlc.controller
        if controller.fault:
            return "failure"
        if controller.starting and controller.mode is Mode.NORMAL:
            return "startup"
        return "control" if controller.mode is Mode.NORMAL else "standby"

    def _tables(self) -> None:
        tlc, controller = self._tlc, self._tlc.controller

        def pairs(table: Callable[[], Iterable[tuple[int, int]]]) -> Reader:
            return lambda: ",".join(f"{one:02d}-{two:02d}" for one, two in table())

        self._add("S0022", status=lambda: ",".join(map(str, controller.plans)))
        self._add("S0018", number=lambda: str(len(controller.plans)))
        self._add(
            "S0023", status=lambda: ",".join(
                f"{plan}-{band}-{value}" for (plan, band), value in sorted(tlc.bands.items())
            ),
        )  # fmt: skip
        self._add("S0024", status=pairs(lambda: sorted(tlc.offsets.items())))
        self._add("S0026", status=lambda: tlc.week_table)
        self._add("S0027", status=lambda: tlc.time_table)
        self._add(
            "S0028", status=pairs(lambda: sorted({**dict(controller.plans), **tlc.cycles}.items()))
        )
        self._add("S0034", status=lambda: str(tlc.band_timeout))
        self._add("S0095", status=lambda: "Jacquemart RSMP site emulator")

        def now(part: str) -> Reader:
            return lambda: str(getattr(datetime.fromtimestamp(tlc.clock_ms / 1000, UTC), part))

        parts = ("year", "month", "day", "hour", "minute", "second")
        self._add("S0096", **{part: now(part) for part in parts})
        self._add("S0097", checksum=self._checksum, timestamp=self._configured)
        self._add(
            "S0098",
            config=lambda: base64.b64encode(self._configuration()).decode("ascii"),
            timestamp=self._configured,
            version=lambda: "1",
        )

    def _configuration(self) -> bytes:
        options = self._tlc.options
        return repr((options.site, options.groups, dict(self._tlc.controller.plans))).encode()

    def _checksum(self) -> str:
        return hashlib.sha256(self._configuration()).hexdigest()

    def _configured(self) -> str:
        return stamp.to_text(self._began_ms)

    def _counts(self) -> None:
        options = self._tlc.options
        self._add("S0016", number=lambda: str(max(1, len(options.detectors))))
        self._add("S0017", number=lambda: str(max(1, len(options.groups))))
        self._add("S0019", number=lambda: "1")

    def _priorities(self) -> list[dict[str, str]]:
        tlc = self._tlc
        rows = []
        for one in tlc.controller.priorities():
            ago_ms = int((tlc.now.mono - one.changed_s) * 1000)
            row = {"r": one.id, "t": stamp.to_text(tlc.clock_ms - max(0, ago_ms)), "s": one.phase}
            if one.extension_s is not None:
                row["e"] = str(one.extension_s)
            if one.reduction_s is not None:
                row["d"] = str(one.reduction_s)
            rows.append(row)
        return rows


def bits(flags: Iterable[bool]) -> str:
    """Return flags as RSMP writes them in a row: ``0100``."""
    return "".join("1" if flag else "0" for flag in flags)
