"""Through which TURN servers a call may go, as far as the relay is believed.

::

    conversation.ice_servers() ── FetchIceServers ──> relay
                               <──── IceServers ─────
      every address is that of a TURN server?           otherwise RelayMisbehaved
      policy DIRECT, and nobody here allowed it?        RELAY if there are TURN servers, otherwise OFF

A relay that lies can send her to a TURN server of its own choice, which then sees her network address and
how much is said, as the relay itself does; it cannot make her reveal the address to the other side, nor
contact STUN servers, nor hear anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from teduh_signaling.relay.frames import CallPolicy
from teduh_signaling.relay.frames import IceServers as IceServersFrame
from teduh_signaling.relay.turn_url import TurnUrl

from teduh_sdk.exceptions import RelayMisbehaved


@dataclass(frozen=True, slots=True)
class IceServers:
    """What a call may use. `urls` as in RFC 7065, the first to be tried first; `expires` in seconds since
    1970, until when the credentials may begin a call; 0 when there are none.
    """

    policy: CallPolicy
    urls: tuple[str, ...] = ()
    username: str = field(default="", repr=False)
    credential: str = field(default="", repr=False)
    expires: int = 0

    @property
    def relay_only(self) -> bool:
        """Whether no candidate but relayed ones may be gathered, sent or taken."""
        return self.policy is not CallPolicy.DIRECT


def read_ice_servers(frame: IceServersFrame, *, allow_direct: bool) -> IceServers:
    """What the relay's answer allows. Raises `RelayMisbehaved`."""
    if (frame.policy is CallPolicy.RELAY and not frame.urls) or (
        frame.policy is CallPolicy.OFF and frame.urls
    ):
        raise RelayMisbehaved("the TURN servers do not fit what the relay says of calls")
    if frame.urls and not (frame.username and frame.credential and frame.expires):
        raise RelayMisbehaved("the relay named TURN servers without credentials")
    try:
        for url in frame.urls:
            TurnUrl.parse(url)
    except ValueError as error:
        raise RelayMisbehaved("the relay named something else than TURN servers") from error
    return IceServers(
        _agreed(frame, allow_direct=allow_direct), frame.urls, frame.username, frame.credential, frame.expires
    )


def _agreed(frame: IceServersFrame, *, allow_direct: bool) -> CallPolicy:
    if frame.policy is not CallPolicy.DIRECT or allow_direct:
        return frame.policy
    return CallPolicy.RELAY if frame.urls else CallPolicy.OFF


def is_on_this_machine(relay_url: str) -> bool:
    """Whether the relay is dialled on loopback: then there is no address that the other side could learn."""
    host = urlsplit(relay_url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
