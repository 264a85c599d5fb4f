"""Servers that an organisation could run instead of ours, measured with the same generator in the same run.

    bare picows, bare websockets    Python; the bare relay on other WebSocket libraries
    socket.io                       Node; a chat server of ten lines, one process
    socket.io with Redis            the same with `@socket.io/redis-adapter` and the client `redis`
      , one process                 each message is published on Valkey too, though nobody else is there
      , two processes               sender at one, receiver at the other: what the adapter is for
    socket.io with Redis Streams    the same two with `@socket.io/redis-streams-adapter`, which appends each
                                    message to a stream of some 10,000
    PeerJS                          Node; passes signaling between browsers
    Prosody, ejabberd               XMPP over WebSocket (RFC 7395), anonymous log-in
    mosquitto, NATS                 brokers; MQTT with QoS 1, acknowledged on both ways, and NATS's core

Each has one core for all of its processes, its Valkey included, as ours. Only mosquitto acknowledges what it
takes, and keeps it, in memory, until the receiver has acknowledged; only socket.io with Redis Streams has it
in a log before it passes it on, where it stays while fewer than 10,000 others come. None is *durable* as ours
is. Their messages are text, as their protocols have it, but for MQTT's and the bare relays'; the generator
wraps its own in what each protocol wants around it. Those that are not installed are left out, and said to
be. Matrix is left out: Synapse bears some tens of messages a second on such a core, and Debian does not have
it.
"""

from __future__ import annotations

from collections.abc import Sequence

from broker_peers import Mosquitto, Nats
from measured_peer import Peer
from node_peers import PeerJs, SocketIo, SocketIoRedis, SocketIoStreams, SocketIoTwoNodes
from python_peers import BarePicows, BareWebsockets, OtherLibrary
from xmpp_peers import Ejabberd, Prosody, ProsodyAsItComes

PEERS: Sequence[type[Peer | OtherLibrary]] = (
    BarePicows,
    BareWebsockets,
    SocketIo,
    SocketIoRedis,
    SocketIoTwoNodes,
    SocketIoStreams,
    PeerJs,
    Prosody,
    ProsodyAsItComes,
    Ejabberd,
    Mosquitto,
    Nats,
)
