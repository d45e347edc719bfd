"""Errors: each says whose fault it is, what and where, and whether a retry may help.

Structured keyword fields, one message built from them; all survive pickling, since some cross
Ray. A bad reading is never an exception: it is a value with a bad quality.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar


class JacquemartError(Exception):
    """Base of all errors of this package.

    Attributes:
        code: stable machine-readable word, also sent over the wire.
        retryable: whether the same call may succeed later without a change by the caller.
    """

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, where: str = "", advice: str = "") -> None:
        """Build the error from what happened, where, and what to do about it."""
        super().__init__(message)
        self.message = message
        self.where = where
        self.advice = advice

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text} ({self.advice})" if self.advice else text

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.message, self.__dict__))


def _rebuild(kind: type[JacquemartError], message: str, fields: dict[str, Any]) -> JacquemartError:
    error = kind.__new__(kind)
    Exception.__init__(error, message)
    error.__dict__.update(fields)
    return error


class ConfigError(JacquemartError):
    """The city file or an inventory is wrong: the operator's fault; nothing was started."""

    code = "config"


class UsageError(JacquemartError):
    """The caller used the API wrongly: the caller's bug; a retry cannot help."""

    code = "usage"


class UnknownDevice(UsageError):
    """No device of that id in the city."""

    code = "unknown_device"


class UnknownPoint(UsageError):
    """The device has no point of that name."""

    code = "unknown_point"


class UnknownIdentity(UsageError):
    """No command of that principal and id is known: it never came, or was forgotten long ago."""

    code = "unknown_id"


class NotYours(UsageError):
    """The command is somebody else's: only whoever gave one may take it back."""

    code = "not_yours"


class FrameError(JacquemartError):
    """A peer sent a frame that breaks the protocol: the peer's fault; the frame was dropped."""

    code = "bad_frame"


class DriverError(JacquemartError):
    """Something went wrong between a driver and its device."""

    code = "driver"


class LinkError(DriverError):
    """The link cannot be reached, or broke *before* anything was sent; may be retried."""

    code = "link"
    retryable = True


class UnitError(DriverError):
    """The link works, but this device does not answer on it; nothing took effect."""

    code = "unit"
    retryable = True


class DeviceBusy(DriverError):
    """The device asks to be left alone for a while; nothing took effect."""

    code = "busy"
    retryable = True


class DeviceRefused(DriverError):
    """The device refused by the book (Modbus exception 1 to 3): a fault of the configuration."""

    code = "refused"


class RemoteProtocolError(DriverError):
    """The device broke its protocol; what it answered was thrown away.

    For a write the effect is unknown, since the device did answer something.
    """

    code = "remote_protocol"
    retryable = True


class OutcomeUnknown(DriverError):
    """A write was sent and its effect is not known (time-out, or the link broke behind it).

    Never to be retried blindly: read back first.
    """

    code = "outcome_unknown"


class NeverSent(DriverError):
    """Lease or deadline of a write was over before anything of it was sent."""

    code = "never_sent"

    def __init__(
        self, message: str, *, lease: bool = False, where: str = "", advice: str = ""
    ) -> None:
        """``lease``: it was the lease that ran out, and not the deadline."""
        super().__init__(message, where=where, advice=advice)
        self.lease = lease


class DeadlineExceeded(JacquemartError, TimeoutError):
    """No answer arrived in time at a public edge; the outcome is unknown to the caller."""

    code = "deadline"
    retryable = True


class CellUnreachable(JacquemartError):
    """The cell that owns the device does not answer; it is being replaced."""

    code = "cell_unreachable"
    retryable = True


class CellMoves(CellUnreachable):
    """The cell hands over to its successor and has done nothing: that one can be asked at once."""

    code = "moved"


class NotSent(CellUnreachable):
    """Nobody was there to send to; nothing was sent."""

    code = "not_sent"


class ClockUnknown(CellUnreachable):
    """The clock of the cell's host is not known, so no deadline can be told there; nothing was
    sent."""

    code = "clock_unknown"


class OutcomesLost(JacquemartError):
    """A command was sent and no answer came: its outcomes are unknown.

    Never to be retried blindly: read the points first.
    """

    code = "cell_lost"


class TooManyQuestions(JacquemartError):
    """This client has too much under way at its gateway: nothing was done; retry a little later.

    Clients wait and ask again by themselves, as long as their time-outs allow.
    """

    code = "too_many_questions"
    retryable = True

    @property
    def retry_s(self) -> float:
        """When to ask again: seconds from now."""
        found = re.search(r"retry in (\d{1,6}) ms", self.advice)
        return int(found[1]) / 1e3 if found else 0.1


class GatewayUnreachable(JacquemartError):
    """No gateway answers at the given address: is the city running?"""

    code = "gateway_unreachable"
    retryable = True


class StartError(JacquemartError):
    """The city could not be started (Ray, a cell, or a port)."""

    code = "start"


class JournalError(JacquemartError):
    """A zone's journal cannot take records: nothing was accepted. May be retried later."""

    code = "journal"
    retryable = True


class JournalFull(JournalError):
    """The disk is full; acceptance resumes by itself when there is room again."""

    code = "journal_full"


class JournalFenced(JournalError):
    """Another process owns the journal now: whoever gets this must write nothing any more."""

    code = "journal_fenced"
    retryable = False


class JournalCorrupt(JournalError):
    """Acknowledged records are lost or altered: nothing is accepted until it is repaired."""

    code = "journal_corrupt"
    retryable = False


class JournalTooNew(JournalError):
    """A later version has written the journal; it is not touched. Run that version, or a later."""

    code = "journal_too_new"
    retryable = False


class ChangeRefused(JacquemartError):
    """A running city cannot become what a file says; it goes on as it was."""

    code = "change_refused"


class ChangeBusy(ChangeRefused):
    """Another change of the city is under way; nothing was done. Try again."""

    code = "change_busy"
    retryable = True


class VersionMismatch(JacquemartError):
    """Two versions of this software cannot work together; says which is which. Nothing was done."""

    code = "version"


class InternalError(JacquemartError):
    """Our own bug: please report it."""

    code = "internal"


def error_from_code(code: str, message: str, where: str = "", advice: str = "") -> JacquemartError:
    """Rebuild the error that a frame carries; an unknown code becomes a JacquemartError."""
    for kind in _all_kinds(JacquemartError):
        if kind.code == code:
            return kind(message, where=where, advice=advice)
    return JacquemartError(message, where=where, advice=advice)


def _all_kinds(kind: type[JacquemartError]) -> list[type[JacquemartError]]:
    kinds = [kind]
    for child in kind.__subclasses__():
        kinds.extend(_all_kinds(child))
    return kinds
