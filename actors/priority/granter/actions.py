"""What the granter sees of a signal controller, what it asks of it, and what it tells, and why.

*Rules.* Pure data. Times are milliseconds of one clock of the site that never runs backwards. What
is asked here is only asked: the controller passes it through its interlock, which decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from jacquemart.actors.priority.request import State


class Reason(StrEnum):
    """Why something was granted, refused, or ended. ``why`` tells the sentence of it."""

    # Why a request is where it is.
    TAKEN = "it was taken"
    FREE = "nothing that conflicts is active"
    OTHERS_FIRST = "another request is active"
    TOO_EARLY = "it is too far away yet"
    UNKNOWN_GROUP = "the site has no such signal group"
    NOT_NORMAL = "the signals are not in normal control"
    JUST_SERVED = "the same movement was served just now"
    FULL = "too many requests wait"
    KNOWN_ID = "a request of that id is under way"
    UNKNOWN_ID = "no request of that id is under way"
    CANCELLED = "it was cancelled: the vehicle has passed"
    WITHDRAWN = "it was cancelled before it was activated"
    WAITED_TOO_LONG = "it waited too long"
    ACTIVE_TOO_LONG = "it was active too long"
    NOT_HEARD = "nothing was heard of it any more"
    OVERDUE = "the vehicle did not come when it should have"
    OUTRANKED = "an emergency vehicle goes first"
    SITE_SILENT = "the controller was not heard any more"
    OFF_SEQUENCE = "the controller runs its stages in an order of its own"
    # Why the signals are asked for what they are asked for.
    GREEN_ANYWAY = "it meets green without help"
    EXTENDED = "the green is extended"
    EARLY = "the green begins early"
    INSERTED = "a stage is inserted"
    COMPENSATING = "what was taken is given back"
    ON_PLAN = "the plan goes on as it is"
    WAIT_LIMIT = "a movement has waited as long as it may"
    MOST_GREEN = "the green has its maximum"
    LEAST_GREEN = "the greens before have their minimum"
    OWED = "what was taken before is not given back yet"


@dataclass(frozen=True, slots=True)
class View:
    """What the controller shows: the stage that has green, or is about to get it.

    Attributes:
        normal: it runs its plan in normal control and heeds what it is asked for.
        stage: the stage whose green is on or begins next.
        green_ms: when that green began or will begin.
        ending: that stage is being left; nothing can be asked for it any more.
    """

    normal: bool
    stage: str = ""
    green_ms: int = 0
    ending: bool = False


@dataclass(frozen=True, slots=True)
class Direct:
    """Ask the controller to end a stage's green at a time, and then to go to another stage.

    ``planned_ms`` is when the plan would have ended it: a later ``end_ms`` holds the stage, an
    earlier one goes on early; ``insert`` says that ``then`` is not the stage that follows. It
    binds this one green only, so whoever is never told more goes on by the plan.
    """

    stage: str
    end_ms: int
    then: str
    planned_ms: int
    insert: bool = False
    reason: Reason = Reason.ON_PLAN
    request: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """Ask the controller to go on by its plan: nobody is served, and nothing is owed."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Changed:
    """A request has another state. The two numbers are seconds, with ``completed`` only."""

    request: str
    state: State
    reason: Reason
    at_ms: int
    extended_s: int | None = None
    reduced_s: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A grant, a refusal or a compensation, worth an event. ``given_ms`` is signed: green added."""

    request: str
    reason: Reason
    stage: str
    given_ms: int = 0


Instruction = Direct | Release | Changed | Told
