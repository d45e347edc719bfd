"""The conformance kit: numbered cards that a driver passes before anybody relies on it.

Write a :class:`Peer` for your driver, then ``python -m jacquemart.drivers.conformance
module:PeerClass``, or :func:`prove` in a test. Needs no test framework.
"""

from jacquemart.drivers.conformance.card import Card, CardResult
from jacquemart.drivers.conformance.peer import CannotDo, Peer, PeerField
from jacquemart.drivers.conformance.report import Report
from jacquemart.drivers.conformance.run import deck, prove, run_cards

__all__ = [
    "CannotDo",
    "Card",
    "CardResult",
    "Peer",
    "PeerField",
    "Report",
    "deck",
    "prove",
    "run_cards",
]
