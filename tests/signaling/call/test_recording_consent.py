"""What is taken for a yes to being recorded, whatever comes beside the log in somebody's name."""

from __future__ import annotations

from teduh_signaling.call.messages import Heartbeat, Leaves, Media, Phase, Recording, RecordingStep
from teduh_signaling.call.recording import RecordingConsent

CALL = (1).to_bytes(8, "big")
NOW, FAR = 1_700_000_000_000, 2**53 - 1
WE, SHE = 0, 1


def answer(step: RecordingStep, sent: int) -> Recording:
    return Recording(CALL, sent, NOW, step, WE)


def beat(sent: int, *grants: int) -> Heartbeat:
    leaves: Leaves = grants
    return Heartbeat(CALL, sent, NOW, Phase.IN_CALL, Media(audio=True, video=False), True, (), (), leaves)


def test_no_heartbeat_makes_her_no_count_as_old() -> None:
    """Any member can make one in her name, of any time."""
    consent = RecordingConsent(has_asked=True)
    consent.receive(SHE, answer(RecordingStep.GRANT, NOW), WE)
    consent.reported(SHE, beat(FAR, WE), WE)
    assert consent.is_allowed_by([SHE])
    consent.receive(SHE, answer(RecordingStep.REFUSE, NOW + 1), WE)
    assert not consent.is_allowed_by([SHE])


def test_no_heartbeat_gives_her_yes_nor_gives_it_back() -> None:
    consent = RecordingConsent(has_asked=True)
    consent.reported(SHE, beat(NOW, WE), WE)
    assert not consent.is_allowed_by([SHE])
    consent.receive(SHE, answer(RecordingStep.GRANT, NOW + 1), WE)
    consent.reported(SHE, beat(NOW + 3), WE)
    consent.receive(SHE, answer(RecordingStep.GRANT, NOW + 2), WE)
    consent.reported(SHE, beat(NOW + 4, WE), WE)
    assert not consent.is_allowed_by([SHE])
