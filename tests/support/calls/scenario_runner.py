"""Plays a scenario of `tests/vectors/call_scenarios.json`: sessions, a network that does what it is told, and
a WebRTC that always works unless told otherwise.

Each step gives, as text, everything that the sessions wanted done; the browser's runner
(`client_sdk/web/tests/call/scenarioRunner.ts`) writes the same text, so that both languages are held against
one file.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, Final

from teduh_signaling.call import actions
from teduh_signaling.call.actions import Action, CallEvent
from teduh_signaling.call.codec import decode_call, encode_call
from teduh_signaling.call.exceptions import CallNotAllowed
from teduh_signaling.call.messages import Candidate, EndReason, Media, MediaReason
from teduh_signaling.call.session import CallSession

START: Final = 1_700_000_000_000
Step = dict[str, Any]


class CallScenarioRunner:
    """One scenario. `members` are leaves; `clocks` how far each device's clock is off, in milliseconds."""

    def __init__(self, scenario: dict[str, Any]) -> None:
        self._now: int = 0
        self._clocks: dict[int, int] = {
            int(leaf): offset for leaf, offset in scenario.get("clocks", {}).items()
        }
        self._restarting = scenario.get("can_restart_ice", [])
        self._connects = scenario.get("connects", True)
        self._keys = {leaf: f"key {leaf}" for leaf in scenario["members"]}
        self._calls = 0
        self._sent: list[tuple[int, bytes]] = []
        self._pending: list[tuple[int, int]] = []
        self._jobs: list[Callable[[], list[str]]] = []
        self._connections: dict[tuple[int, int], int] = {}
        self.sessions = {leaf: self._session(leaf) for leaf in self._keys}

    def play(self, step: Step) -> list[str]:
        """Everything that comes of one step."""
        self._now = step.get("at", self._now)
        match step["do"]:
            case "deliver_all":
                return self._deliver_all()
            case "run":
                return self._run(step["until"], is_silent=step.get("silent", False))
            case "deliver":
                return self._deliver(step["message"], step["to"], is_live=step.get("live", True))
            case "drop":
                dropped = set(range(len(self._sent))) if step["message"] == "all" else {step["message"]}
                self._pending = [one for one in self._pending if one[0] not in dropped]
                return []
            case "lose":
                lost = {number for number, (sender, _) in enumerate(self._sent) if sender == step["from"]}
                self._pending = [one for one in self._pending if one[0] not in lost or one[1] != step["to"]]
                return []
            case "reload":
                return self._reload(step["who"])
            case "set clock":
                self._clocks[step["who"]] = step["to"]
                return []
            case "members":
                return self._members(step["who"], step["present"])
            case "expect":
                return self._describe(step["who"])
        return self._input(step["who"], step["do"], step.get("args", []))

    # --- steps ----------------------------------------------------------------------------------------------

    def _session(self, leaf: int) -> CallSession:
        return CallSession(
            leaf, self._keys, new_call_id=self._new_call_id, can_restart_ice=leaf in self._restarting
        )

    def _new_call_id(self) -> bytes:
        self._calls += 1
        return self._calls.to_bytes(8, "big")

    def _time(self, leaf: int) -> int:
        return START + self._now + self._clock(leaf)

    def _clock(self, leaf: int) -> int:
        return self._clocks.get(leaf, 0)

    def _deliver_all(self) -> list[str]:
        """Until nothing is on its way: WebRTC does its part, then messages arrive in the order of sending."""
        out: list[str] = []
        while self._jobs or self._pending:
            if self._jobs:
                out += self._jobs.pop(0)()
            else:
                number, to = self._pending[0]
                out += self._deliver(number, to, is_live=True)
        return out

    def _run(self, until: int, *, is_silent: bool) -> list[str]:
        """Let time pass, with all timers; if silent, nothing of what is said meanwhile arrives."""
        out: list[str] = []
        while (due := self._next_timer()) is not None and due[0] <= until:
            self._now = max(self._now, due[0])
            leaf = due[1]
            out += self._done(leaf, self.sessions[leaf].tick(self._time(leaf)))
            if is_silent:
                self._pending.clear()
            out += self._deliver_all()
        self._now = until
        return out

    def _next_timer(self) -> tuple[int, int] | None:
        timers = []
        for leaf, session in self.sessions.items():
            if session.next_timer is not None:
                timers.append((session.next_timer - START - self._clock(leaf), leaf))
        return min(timers, default=None)

    def _deliver(self, number: int, to: int, *, is_live: bool) -> list[str]:
        self._pending = [one for one in self._pending if one != (number, to)]
        sender, data = self._sent[number]
        message = decode_call(data)
        assert message is not None
        return self._done(to, self.sessions[to].receive(sender, message, self._time(to), is_live))

    def _reload(self, leaf: int) -> list[str]:
        self._connections = {pair: value for pair, value in self._connections.items() if pair[0] != leaf}
        self.sessions[leaf] = self._session(leaf)
        return []

    def _members(self, leaf: int, present: dict[str, str]) -> list[str]:
        members = {int(one): key for one, key in present.items()}
        return self._done(leaf, self.sessions[leaf].members(leaf, members, self._time(leaf)))

    def _describe(self, leaf: int) -> list[str]:
        session = self.sessions[leaf]
        call = "" if session.call is None else f" {int.from_bytes(session.call, 'big')}"
        said = [f"{leaf} {session.state.value}{call}"]
        for peer in session.peers:
            is_up = "connected" if peer.is_connected else "unreachable" if peer.is_unreachable else "waiting"
            media = "".join(letter for letter, on in zip("avs", _media_bits(peer.media), strict=True) if on)
            said.append(
                f"{leaf} sees {peer.leaf} {peer.generation} {peer.state.value} {is_up} {media}".rstrip()
            )
        if session.awaited:
            said.append(f"{leaf} rings {_list(session.awaited)}")
        if session.running is not None:
            said.append(f"{leaf} could join {_list(session.running.members)}")
        if session.may_record:
            said.append(f"{leaf} may record")
        return said

    # --- inputs ---------------------------------------------------------------------------------------------

    def _input(self, leaf: int, name: str, given: Sequence[Any]) -> list[str]:
        session, now = self.sessions[leaf], self._time(leaf)
        try:
            if name == "set_busy":
                session.set_busy(*given)
                return []
            return self._done(leaf, self._call(session, name, given, now))
        except CallNotAllowed:
            return [f"{leaf} may not"]

    def _call(self, session: CallSession, name: str, given: Sequence[Any], now: int) -> list[Action]:
        match name:
            case "ring" | "accept" | "join" | "set_media":
                media, *rest = given
                done: list[Action] = (
                    session.ring(_media(media), now, *rest)
                    if name == "ring"
                    else getattr(session, name)(_media(media), now)
                )
                return done
            case "hang_up":
                return session.hang_up(now, *(EndReason(reason) for reason in given))
            case "local_description":
                peer, generation, revision, sdp, candidates = given
                return session.local_description(
                    peer, generation, revision, sdp, [Candidate(one) for one in candidates], now
                )
            case "local_candidates":
                peer, generation, revision, candidates = given
                return session.local_candidates(
                    peer, generation, revision, [Candidate(one) for one in candidates], now
                )
            case "renegotiate" | "withdraw_recording":
                answered: list[Action] = getattr(session, name)(now, *given)
                return answered
        others: list[Action] = getattr(session, name)(*given, now)
        return others

    # --- what is to be done ---------------------------------------------------------------------------------

    def _done(self, leaf: int, todo: list[Action]) -> list[str]:
        return [self._carry_out(leaf, action) for action in todo]

    def _carry_out(self, leaf: int, action: Action) -> str:
        match action:
            case actions.Send(message, is_ephemeral):
                data, number = encode_call(message), len(self._sent)
                self._sent.append((leaf, data))
                self._pending += [(number, to) for to in sorted(self.sessions) if to != leaf]
                how = "says beside the log" if is_ephemeral else "says"
                name = type(message).__name__
                return f"{leaf} {how} {number} {name[0].lower()}{name[1:]} {data.hex()}"
            case actions.CreateOffer(peer, generation, revision, restarts):
                self._connections[leaf, peer] = generation
                self._describe_later(leaf, peer, generation, revision, "offer")
                return f"{leaf} offers {peer} {generation}.{revision}{' new path' if restarts else ''}"
            case actions.ApplyDescription(peer, generation, revision, is_offer, _, sdp):
                self._connections[leaf, peer] = generation
                if is_offer:
                    self._describe_later(leaf, peer, generation, revision, "answer")
                elif self._connects:
                    self._jobs.append(lambda: self._connect(leaf, peer, generation))
                return f"{leaf} applies of {peer} {generation}.{revision} {sdp}"
            case actions.AddCandidates(peer, generation, candidates):
                named = ",".join(one.candidate for one in candidates)
                return f"{leaf} adds of {peer} {generation} {named}"
            case actions.ClosePeer(peer, generation):
                assert self._connections.pop((leaf, peer)) == generation
                return f"{leaf} closes {peer} {generation}"
            case actions.StopMedia():
                return f"{leaf} stops media"
            case actions.Tell(event):
                return f"{leaf} tells {_told(event)}"

    def _describe_later(self, leaf: int, peer: int, generation: int, revision: int, kind: str) -> None:
        args = [
            peer,
            generation,
            revision,
            f"{kind} {generation}.{revision} of {leaf}",
            [f"candidate of {leaf}"],
        ]
        self._jobs.append(lambda: self._input(leaf, "local_description", args))

    def _connect(self, leaf: int, peer: int, generation: int) -> list[str]:
        if self._connections.get((peer, leaf)) != generation:
            return []
        first = self._input(leaf, "peer_connected", [peer, generation])
        return first + self._input(peer, "peer_connected", [leaf, generation])


def _media(given: str) -> Media:
    """`av`: microphone and camera; a word behind it is the reason."""
    bits, _, reason = given.partition(" ")
    why = MediaReason[reason] if reason else MediaReason.CHOSEN
    return Media("a" in bits, "v" in bits, "s" in bits, why)


def _media_bits(media: Media) -> tuple[bool, bool, bool]:
    return media.audio, media.video, media.screen


def _list(leaves: Sequence[int]) -> str:
    return ",".join(str(leaf) for leaf in leaves)


def _told(event: CallEvent) -> str:
    name = type(event).__name__
    fields = {_camel(field.name): _plain(getattr(event, field.name)) for field in dataclasses.fields(event)}
    return f"{name[0].lower()}{name[1:]} {json.dumps(fields, sort_keys=True, separators=(',', ':'))}"


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _plain(value: object) -> object:
    match value:
        case bytes():
            return value.hex()
        case Media():
            return {
                "audio": value.audio,
                "video": value.video,
                "screen": value.screen,
                "reason": int(value.reason),
            }
        case IntEnum():
            return int(value)
        case tuple():
            return list(value)
    return value
