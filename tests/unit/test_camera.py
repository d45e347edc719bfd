"""A camera: it never moves on by itself, and it tells what ails it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.actors.video import Camera
from jacquemart.runtime.actor import Ticket
from jacquemart.runtime.city import CityErrors
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.testing.kinds import Answers, KindBench, template_of

WELL = {"online": 1.0, "recording": 1.0, "tampering": 0.0}
PRESETS = {"preset": {"words": ["home", "square", "gate"]}}


def bench(**options: object) -> KindBench:
    template = template_of(Camera, points=PRESETS, options=options)
    made = KindBench(Camera, template, start=WELL, parameters={"server": "v2"}, device="cam-7")
    made.advance(11.0)
    return made


def how(ticket: Ticket) -> tuple[Status, str]:
    assert ticket.outcome is not None
    return ticket.outcome.status, ticket.outcome.reason


def test_a_movement_ends_by_itself() -> None:
    with bench(move_s=2) as camera:
        assert how(camera.command("pan", 0.5)) == (Status.APPLIED, Reason.OK)
        camera.advance(1.9)
        assert camera.writes == [("pan", 0.5)]
        camera.advance(60.0)
        assert camera.writes == [("pan", 0.5), ("pan", 0.0)]


def test_a_movement_that_is_told_again_goes_on_and_no_longer() -> None:
    with bench() as camera:
        for _ in range(10):
            camera.command("zoom", -1.0)
            camera.advance(0.5)
        assert ("zoom", 0.0) not in camera.writes
        camera.advance(1.0)
        assert camera.writes[-1] == ("zoom", 0.0)


@pytest.mark.parametrize(("asked", "sent"), [(7.0, 1.0), (-1e9, -1.0), (0.25, 0.25)])
def test_speeds_are_clamped(asked: float, sent: float) -> None:
    with bench() as camera:
        camera.command("tilt", asked)
        assert camera.writes == [("tilt", sent)]


def test_a_speed_written_as_a_point_ends_by_itself_too() -> None:
    with bench() as camera:
        camera.set("pan", -0.3)
        camera.advance(5.0)
        assert camera.writes == [("pan", -0.3), ("pan", 0.0)]
        assert how(camera.set("pan", 1.5)) == (Status.REJECTED, Reason.OUT_OF_RANGE)


def test_stop_stops_every_axis() -> None:
    with bench() as camera:
        camera.command("pan", 1.0)
        assert how(camera.command("stop")) == (Status.APPLIED, Reason.OK)
        assert camera.writes[1:] == [("pan", 0.0), ("tilt", 0.0), ("zoom", 0.0)]
        camera.advance(60.0)
        assert len(camera.writes) == 4, "what stands is not stopped again"


def test_a_camera_that_does_not_stop_is_stopped_again_and_told() -> None:
    with bench() as camera:
        camera.command("pan", 1.0)
        camera.answers(Answers.IGNORES)
        camera.advance(30.0)
        assert camera.writes.count(("pan", 0.0)) >= 5
        assert camera.said == ["camera_does_not_stop"]
        camera.answers(Answers.FOLLOWS)
        camera.advance(10.0)
        sent = len(camera.writes)
        camera.advance(60.0)
        assert len(camera.writes) == sent


def test_an_actor_that_stops_or_starts_anew_stops_its_camera() -> None:
    with bench() as camera:
        camera.command("pan", 1.0)
        camera.stop()
        assert camera.writes == [("pan", 1.0), ("pan", 0.0)]
    with bench() as camera:
        camera.command("pan", 1.0)
        camera.actor._fail(camera.command("zoom", 0.0), ZeroDivisionError())
        camera.advance(0.1)
        assert camera.writes[-1] == ("pan", 0.0)


@given(st.lists(st.tuples(
    st.sampled_from(("pan", "tilt", "zoom", "stop", "wait", "deaf", "well")),
    st.floats(-2, 2, allow_nan=False),
), max_size=12))  # fmt: skip
@settings(max_examples=60, deadline=None, derandomize=True)
def test_whatever_was_asked_a_camera_that_hears_stands_in_the_end(
    steps: list[tuple[str, float]],
) -> None:
    with bench() as camera:
        for name, value in steps:
            if name == "wait":
                camera.advance(abs(value))
            elif name in ("deaf", "well"):
                camera.answers(Answers.SILENT if name == "deaf" else Answers.FOLLOWS)
            else:
                camera.command(name, None if name == "stop" else value)
        camera.answers(Answers.FOLLOWS)
        camera.advance(60.0)
        assert [camera.field.values[axis] for axis in ("pan", "tilt", "zoom")] == [0.0] * 3
        assert camera.failures == []


def test_a_preset_goes_by_the_name_that_the_template_gives_it() -> None:
    with bench() as camera:
        assert how(camera.command("preset", "square")) == (Status.APPLIED, Reason.OK)
        assert how(camera.set("preset", "gate")) == (Status.APPLIED, Reason.OK)
        assert camera.writes == [("preset", 1.0), ("preset", 2.0)]
        assert how(camera.command("preset", "cellar")) == (Status.REJECTED, Reason.BAD_VALUE)
        assert how(camera.command("preset", 3)) == (Status.REJECTED, Reason.OUT_OF_RANGE)


def test_what_ails_a_camera_is_told_once_and_its_end_once() -> None:
    with bench() as camera:
        for point, bad in (("online", 0.0), ("recording", 0.0), ("tampering", 1.0)):
            camera.reading(point, bad)
            camera.reading(point, 1.0 - bad)
        assert camera.said == [
            "camera_offline", "camera_online", "recording_stopped", "recording_resumed",
            "tampering", "tampering_cleared",
        ]  # fmt: skip


def test_the_stream_is_told_for_people_and_is_no_point() -> None:
    with bench(stream="rtsp://{server}.example/{id}") as camera:
        assert camera.actor.texts() == {"stream": "rtsp://v2.example/cam-7"}
        assert camera.template.point_index("stream") == -1
    with bench() as camera:
        assert camera.actor.texts() == {}


def test_a_fixed_camera_has_nothing_to_stop() -> None:
    names = ("online", "recording", "tampering")
    whole = template_of(Camera)
    fixed = type(whole)(
        "fixed", "camera", "bench", tuple(p for p in whole.points if p.name in names), {}
    )
    with KindBench(Camera, fixed, start=WELL) as camera:
        assert how(camera.command("stop")) == (Status.APPLIED, Reason.OK)
        assert how(camera.command("pan", 1.0)) == (Status.REJECTED, Reason.UNKNOWN_POINT)
        assert camera.writes == []


@pytest.mark.parametrize(
    "options", [{"move_s": 0}, {"move_s": 11}, {"move_s": True}, {"stream": 5}, {"presets": []}]
)
def test_wrong_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(CityErrors):
        bench(**options)
