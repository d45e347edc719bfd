"""A client that sends commands far too fast and reads the answers far too slowly.

Run as a script, ``flood_client.py API DEVICE VERB RATE ANSWERS SECONDS``: sends ``VERB`` so often a
second, reads at most so many answers a second meanwhile, and then all that come. Prints as one
JSON object what became of its commands, by status and reason.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter

import zmq

from jacquemart.native import frames
from jacquemart.native.pump import boot_ns
from jacquemart.runtime.model.outcome import Status

#: Deadlines lie so far ahead: whoever waits longer in a lane is EXPIRED.
WITHIN_NS = 3_000_000_000
#: A cell ends each command sooner after its deadline; without an answer for so long none comes.
LAST_S = 12.0
TURN_S = 0.01


class Flood:
    """One connection, and what became of what was sent over it."""

    def __init__(self, api: str, device: str, verb: str) -> None:
        self.device, self.verb = device, verb
        self.socket = zmq.Context().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.sndhwm = self.socket.rcvhwm = 100
        self.socket.connect(api)
        self.sent = self.held = self.errors = 0
        self.ended: Counter[str] = Counter()

    def send(self) -> bool:
        point = "setpoint" if self.verb == "set" else ""
        command = frames.Command(
            os.urandom(16), "flood", self.device, self.verb, point, float(self.sent % 100), "", 8,
            boot_ns() + WITHIN_NS, 0,
        )  # fmt: skip
        try:
            frame = frames.encode_command(command)
            self.socket.send_multipart([b"t", frame], zmq.DONTWAIT)
        except zmq.Again:
            self.held += 1  # the gateway takes no more: TCP holds the sender back
            return False
        self.sent += 1
        return True

    def read(self) -> bool:
        try:
            frame = self.socket.recv_multipart(zmq.DONTWAIT)[1]
        except zmq.Again:
            return False
        if frames.kind_of(frame) == frames.OUTCOME:
            outcome = frames.decode_outcome(frame)
            self.ended[f"{Status(outcome.status).name} {outcome.reason}"] += 1
        else:
            self.errors += 1
        return True

    @property
    def answered(self) -> int:
        return sum(self.ended.values()) + self.errors


def main(api: str, device: str, verb: str, rate: str, answers: str, seconds: str) -> None:
    flood = Flood(api, device, verb)
    began = time.monotonic()
    read = 0
    while (passed := time.monotonic() - began) < float(seconds):
        while flood.sent < passed * float(rate) and flood.send():
            pass
        while read < passed * float(answers) and flood.read():
            read += 1
        time.sleep(TURN_S)
    quiet = time.monotonic()
    while flood.answered < flood.sent and time.monotonic() - quiet < LAST_S:
        if flood.read():
            quiet = time.monotonic()
        else:
            time.sleep(TURN_S)
    print(json.dumps({"sent": flood.sent, "held": flood.held, "errors": flood.errors,
                      "answered": flood.answered, "ended": flood.ended}))  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
