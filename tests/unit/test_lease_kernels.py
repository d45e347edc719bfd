"""The tables of holder and grantor, row by row, and what they say."""

from __future__ import annotations

import itertools

import pytest

from jacquemart.runtime.kernel.lease import (
    MARGIN_NS,
    RENEW_NS,
    SILENT_NS,
    TRANSITIONS,
    TTL_NS,
    Act,
    Heard,
    Holder,
    Silence,
    Standing,
)
from jacquemart.runtime.kernel.lease_grant import Answer, End, Grantor, Owner, Verb

NOW = 10**15
S = "north/0"
OLD = Owner("device-1", 5, ("a", 1, 1, 1))
NEW = Owner("device-1", 6, ("a", 2, 2, 2))
OTHER = Owner("device-2", 3, ("b", 3, 3, 3))


def held() -> Holder:
    holder = Holder()
    holder.granted(NOW, NOW)
    return holder


def at(standing: Standing) -> Holder:
    holder = Holder() if standing is Standing.NONE else held()
    if standing is Standing.EXPIRED:
        holder.tick(NOW + TTL_NS, alone=False)
    elif standing is Standing.ORPHANED:
        holder.tick(NOW + 1, alone=True)
    elif standing is Standing.FENCED:
        holder.fenced()
    assert holder.standing is standing
    return holder


@pytest.mark.parametrize(("standing", "heard"), list(itertools.product(Standing, Heard)))
def test_every_row_of_the_holders_table(standing: Standing, heard: Heard) -> None:
    holder = at(standing)
    now = max(NOW, holder.until_ns)
    if heard is Heard.GRANTED:
        acts = holder.granted(now, now)
    elif heard is Heard.WAITS:
        acts = holder.waits()
    elif heard is Heard.FENCED:
        acts = holder.fenced()
    elif heard is Heard.LAPSED:
        acts = holder.tick(now, alone=False)
    else:
        acts = holder.tick(NOW + 2, alone=True)
    assert holder.standing is TRANSITIONS.get((standing, heard), standing)
    if holder.writes and heard is not Heard.WAITS:
        assert acts[0] is Act.EXTEND
        assert holder.until_ns > now
    else:
        assert holder.until_ns == 0
    assert (Act.SEAL in acts) == (heard is Heard.FENCED and standing is not Standing.FENCED)
    assert (Act.LOST in acts) == (Act.CLOSE in acts)


def test_a_lease_is_counted_from_the_question_and_ends_a_fifth_early() -> None:
    holder = Holder()
    assert holder.granted(NOW, NOW + 500_000_000) == [Act.EXTEND, Act.FIRST]
    assert holder.until_ns == NOW + TTL_NS - MARGIN_NS
    assert holder.granted(NOW + RENEW_NS, NOW + RENEW_NS + 1) == [Act.EXTEND]
    assert holder.until_ns == NOW + RENEW_NS + TTL_NS - MARGIN_NS


def test_an_answer_that_was_too_long_on_its_way_opens_nothing() -> None:
    holder = Holder()
    assert holder.granted(NOW, NOW + TTL_NS - MARGIN_NS) == []
    assert holder.standing is Standing.NONE


def test_a_frozen_holder_tells_that_it_lost_the_lease_and_that_it_is_back() -> None:
    holder = held()
    woke = NOW + 5 * TTL_NS
    assert holder.tick(woke, alone=False) == [Act.CLOSE, Act.LOST]
    assert holder.granted(woke, woke) == [Act.EXTEND, Act.REGAINED]


def test_a_frozen_holder_whose_zone_is_gone_tells_both_at_once() -> None:
    assert held().tick(NOW + 5 * TTL_NS, alone=True) == [
        Act.CLOSE,
        Act.LOST,
        Act.EXTEND,
        Act.REGAINED,
    ]


def test_who_never_had_a_lease_does_not_give_itself_one() -> None:
    assert Holder().tick(NOW, alone=True) == []


def test_a_silence_counts_only_while_somebody_listens() -> None:
    silence = Silence()
    silence.asked(NOW)
    for later in range(0, SILENT_NS, RENEW_NS):
        assert not silence.lasts(NOW + later)
    assert silence.lasts(NOW + SILENT_NS)
    silence.answered()
    assert not silence.lasts(NOW + SILENT_NS)

    silence.asked(NOW + SILENT_NS)
    woke = NOW + 100 * TTL_NS
    assert not silence.lasts(woke)  # it slept: the answer may be there already


# The grantor ---------------------------------------------------------------------------------


def granted(owner: Owner, now: int = NOW) -> Grantor:
    grantor = Grantor()
    grantor.ask(S, owner, now, had=False)
    grantor.recorded(S, now)
    return grantor


def test_only_the_last_holder_may_tell_what_became_of_a_shard() -> None:
    old, new = Owner("device-1", 5, ("there", 5, 1, 1)), Owner("device-1", 6, ("there", 6, 1, 1))
    nobody = Grantor()
    assert nobody.may_tell(S, old) is None
    nobody.load(S, 0, None, NOW)
    assert nobody.may_tell(S, old) is None
    grantor = granted(old)
    assert grantor.may_tell(S, old) is True
    assert grantor.may_tell(S, new) is False
    assert grantor.may_tell(S, old._replace(presence=("there", 7, 1, 1))) is False
    grantor.release(S, old)
    assert grantor.may_tell(S, old) is True, "its last words, which nobody has followed yet"
    assert grantor.ask(S, new, NOW, had=False).verb is Verb.RECORD
    assert grantor.may_tell(S, old) is None, "it would be heard too late for the next one"
    assert grantor.may_tell(S, new) is None
    grantor.failed(S)
    assert grantor.may_tell(S, old) is True
    grantor.ask(S, new, NOW, had=False)
    grantor.recorded(S, NOW)
    assert (grantor.may_tell(S, old), grantor.may_tell(S, new)) == (False, True)


def test_nobody_is_told_before_the_journal_has_it() -> None:
    grantor = Grantor()
    assert grantor.ask(S, OLD, NOW, had=False) == Answer(Verb.RECORD, 5)
    assert grantor.ask(S, OLD, NOW, had=False).verb is Verb.PENDING
    assert grantor.ask(S, OTHER, NOW, had=False).verb is Verb.WAIT
    assert grantor.recorded(S, NOW) == Answer(Verb.GRANT, 5)
    assert grantor.ask(S, OLD, NOW, had=True) == Answer(Verb.GRANT, 5)


def test_what_the_journal_did_not_take_never_was() -> None:
    grantor = granted(OLD)
    grantor.release(S, OLD)
    assert grantor.ask(S, NEW, NOW, had=False).verb is Verb.RECORD
    grantor.failed(S)
    assert grantor.ask(S, OTHER, NOW, had=False) == Answer(Verb.RECORD, 6)


def test_b3_a_taker_waits_for_the_end_of_the_lease_and_the_margin() -> None:
    grantor = granted(OLD)
    last = NOW + TTL_NS + MARGIN_NS
    assert grantor.ask(S, NEW, last - 1, had=False).verb is Verb.WAIT
    assert grantor.ask(S, NEW, last, had=False) == Answer(Verb.RECORD, 6)


def test_a_certain_end_takes_no_time_and_one_who_lives_is_waited_for_whatever_the_time() -> None:
    grantor = granted(OLD)
    later = NOW + 100 * TTL_NS
    assert grantor.rival(S, NEW) == OLD
    assert grantor.ask(S, NEW, later, had=False, end=End.LIVES).verb is Verb.WAIT
    assert grantor.ask(S, NEW, NOW, had=False, end=End.CERTAIN) == Answer(Verb.RECORD, 6)


def test_a_lower_or_equal_epoch_of_the_same_cell_is_told_what_it_needs() -> None:
    grantor = granted(NEW)
    assert grantor.ask(S, OLD, NOW, had=False)[:2] == (Verb.FENCE, 7)
    twin = NEW._replace(presence=("a", 9, 9, 9))
    assert grantor.ask(S, twin, NOW, had=False)[:2] == (Verb.FENCE, 7)
    grantor.release(S, NEW)
    assert grantor.ask(S, OLD, NOW, had=False)[:2] == (Verb.FENCE, 7)
    assert grantor.ask(S, twin, NOW, had=False).verb is Verb.RECORD  # the same city, run again


def test_who_had_the_shard_and_finds_another_holder_is_fenced() -> None:
    grantor = granted(OLD)
    grantor.release(S, OLD)
    grantor.ask(S, OTHER, NOW, had=False)
    grantor.recorded(S, NOW)
    answer = grantor.ask(S, OLD, NOW, had=True)
    assert answer.verb is Verb.FENCE
    assert answer.epoch == 7


def test_a_shard_that_moves_to_a_cell_of_a_lower_epoch_gets_a_higher_number() -> None:
    grantor = granted(OLD)
    assert grantor.ask(S, OTHER, NOW, had=False, home=False).verb is Verb.WAIT
    assert grantor.release(S, OLD) == 5
    assert grantor.ask(S, OTHER, NOW, had=False, home=False) == Answer(Verb.RECORD, 6)


def test_a_grantor_that_has_just_started_lets_the_holders_of_before_come_back() -> None:
    grantor = Grantor()
    grantor.load(S, 5, OLD, NOW)
    assert grantor.ask(S, NEW, NOW + TTL_NS, had=False).verb is Verb.WAIT
    assert grantor.ask(S, OLD, NOW + TTL_NS, had=True) == Answer(Verb.GRANT, 5)
    assert grantor.ask(S, NEW, NOW + TTL_NS + MARGIN_NS, had=False).verb is Verb.WAIT
    assert grantor.holders() == {S: OLD}


def test_a_lease_that_was_given_back_is_nobodys() -> None:
    grantor = Grantor()
    grantor.load(S, 5, OLD, NOW, released=True)
    assert grantor.holders() == {}
    assert grantor.ask(S, NEW, NOW, had=False) == Answer(Verb.RECORD, 6)
