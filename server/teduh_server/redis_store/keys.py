"""Every key in Redis, once: its type, who owns it, what it holds, when it expires.

No key outlives the retention time (72 hours by default) after its last use, and no value holds an address,
a name or anything readable: ciphertext, random identifiers, hashes, public keys of no one's name, counters,
times.

    key                                        type    owner               expires
    conversation:{<id>}:state                  hash    delivery_service    retention after the last use;
                                                                           before the first commit ten minutes
    conversation:{<id>}:log                    stream  delivery_service    with the state, one minute later
    queue:{queue}:waiting                      zset    queue               retention after the last request
    queue:{queue}:leases                       zset    queue               retention after the last claim
    queue:{queue}:seen                         zset    queue               retention after the last heartbeat
    queue:{queue}:offers                       zset    router              retention after the last offer
    queue:{queue}:seats                        hash    router              retention after the last change
    queue:{queue}:seats:none:<person>          string  presence            fifteen seconds
    queue:{queue}:router                       string  router              three seconds
    queue:{queue}:taken                        list    queue               one hour after the last answer
    queue:{queue}:day:<date>                   hash    board               retention after the last count
    queue:{queue}:request:<id>                 hash    queue               ten minutes after its opener
                                                                           was there; answered: four
    inbox:{<device>}:state                     hash    inbox               retention after the last item
    inbox:{<device>}:items                     stream  inbox               retention after the last item
    continuation:{<hour>}                      string  continuation        with the last token of that hour:
                                                                           an hour after its end
    seal:{<tag>}                               string  sealed_wire         one second
    probe:{<number>}                           string  command_link        ten seconds

`<id>` and `<device>` are lower-case hexadecimal; a conversation's id is made of its survivor's capability
(`conversation_of`), so nothing has to note which conversation a capability has opened. What stands in braces
is the hash tag: keys that share it live in one slot of a cluster, and no script touches more than one slot.

conversation:{<id>}:state has short field names, for it is read with every message:

    v          five big-endian uint64: seq of the newest entry, current epoch, seq of the oldest entry kept,
               bytes in the log (approximately), when the expiries were last renewed (milliseconds)
    m<number>  a member, as long as it is one; four big-endian uint64: what it has acknowledged, the counter
               of its last append, that append's seq, the seq after which it may read
    k<number>  that member's commits of late: since when (big-endian uint64, milliseconds by the store's
               clock), and how many (uint32)
    d:<device> the member number of a staff device (the device id is raw)
    p:<device> there for each staff device that has left by itself, until a commit removes or adds it
    n          how many member numbers were given out
    h          SHA-256 of the survivor's capability
    l          the member that holds the claim's lease, until its first commit
    c          the device (its raw id) that has taken a conversation that goes on, until it is added
    i          who was added by a commit and is not invited yet, 40 bytes each: the seq of the commit
               (big-endian), the device id
    s          when staff were last heard of (milliseconds), by a node that hears none any more; until one
               is back
    o          the relay nodes to which members are connected: their ids, 16 characters each, joined
    t          of an earlier release: the log may go further than v and m<number> tell (reconcile.lua)

conversation:{<id>}:log has entry ids `<seq>-0` and one field `e`: the Entry frame as it is sent to clients,
but for the `seq` in it, which may be 0.
queue:{queue}:waiting is scored by the time of opening in microseconds, less the head start of the urgent,
and a day more for each request of the same source before it (`service_order`): the order of
service. `leases` and `offers` are scored by the deadline, `seen` by when the waiting survivor
was last connected, all in milliseconds.
queue:{queue}:request:<id> has: state (waiting, leased, taken), opened and place (microseconds),
key_package, details (MessagePack), known (the staff devices of the conversation that it continues), device
and person (who hold the lease) and claimed (milliseconds), offer and until (the person to whom it is offered,
and the deadline), misses (offers declined or not answered) and refused (by whom), told (supervisors know),
by (the staff device that looks for a colleague for it; empty: its survivor does) and inside (the staff
devices for which it is not, since they are in it).
All but the state goes when the request is answered, and the whole when its opener has gone. A conversation
that nobody has taken goes with its request (drop_unclaimed.lua).
continuation:{<hour>} has the random key (32 bytes) by which that hour's continuation tokens are sealed; the
hours count from 1970. Each has one, whether anybody talks or not (`routing.continue_seconds` 0: none has).
seal:{<tag>} is empty, and written in a cluster with each batch that replicas must confirm; <tag> is that of
some key of the batch. probe:{<number>} is empty, and written every second by each node at each master, to see
whether that takes writes. `seats:none` is there after a person (16 bytes) has said that she takes nobody.
queue:{queue}:seats has for each person (16 bytes, a hash of the pseudonymous staff id): <person>c the seats
she last told of, <person>t requests taken since, <person>o offers and leases that are open, <person>x the
request that is offered to her. Who has said that she takes none, or has never said, has no c and no t, and o
goes with the last offer and lease: of who comes and goes, nothing stays.
inbox:{<device>}:state has: s (the newest item), and per conversation it was invited to `c:<raw id>`, the last
`after`. inbox:{<device>}:items has ids `<seq>-0` and the fields `c` (raw conversation id) and `after`. What
names a conversation goes when the device leaves it, or is removed (forget_inbox_item.lua).

queue:{queue}:taken has the times at which requests were answered, in milliseconds, for the estimate.
queue:{queue}:day:<date> has opened, answered, within_goal and abandoned: numbers.

How staff devices are woken has keys of its own: see `teduh_server.staff.push`.

Enrolments and the revocation list have keys of their own: see `teduh_server.organisation.enrolment_store`.

Channels (published, never stored): `node:<node id>` carries one node's share of entries, `nodes` what all
nodes want to know. `teduh_server.cluster.node_channel` says what is in them. In a cluster they are
sharded, and a script can publish only in its own slot: there the share of each conversation has a channel
of its own, `node:<node id>:{<id>}`, and the id of the node begins with `s`.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

ALL_NODES_CHANNEL = b"nodes"


@dataclass(frozen=True, slots=True)
class ConversationKeys:
    """The keys of one conversation."""

    state: bytes
    log: bytes

    @classmethod
    def of(cls, conversation_id: bytes) -> ConversationKeys:
        prefix = b"conversation:{%b}:" % conversation_id.hex().encode()
        return cls(prefix + b"state", prefix + b"log")


@dataclass(frozen=True, slots=True)
class InboxKeys:
    """The two keys of one staff device's inbox."""

    state: bytes
    items: bytes

    @classmethod
    def of(cls, device_id: bytes) -> InboxKeys:
        prefix = b"inbox:{%b}:" % device_id.hex().encode()
        return cls(prefix + b"state", prefix + b"items")


QUEUE_WAITING = b"queue:{queue}:waiting"
QUEUE_LEASES = b"queue:{queue}:leases"
QUEUE_SEEN = b"queue:{queue}:seen"
QUEUE_OFFERS = b"queue:{queue}:offers"
QUEUE_SEATS = b"queue:{queue}:seats"
QUEUE_ROUTER = b"queue:{queue}:router"
QUEUE_TAKEN = b"queue:{queue}:taken"
PUSH_DEVICES = b"push:{push}:devices"
PUSH_WOKEN = b"push:{push}:woken"
QUEUE_REQUEST_PREFIX = b"queue:{queue}:request:"


def conversation_of(capability_hash: bytes) -> bytes:
    """The id of the conversation that a capability opens, at whichever node and however often."""
    return hashlib.sha256(b"Teduh conversation" + capability_hash).digest()[:16]


def probe_key(number: int = 0) -> bytes:
    """What is written to see whether the server that has its slot takes writes."""
    return b"probe:{%d}" % number


def queue_request(conversation_id: bytes) -> bytes:
    return QUEUE_REQUEST_PREFIX + conversation_id.hex().encode()


def continuation_key(hour: int) -> bytes:
    """`hour`: since 1970, by the store's clock."""
    return b"continuation:{%d}" % hour


def queue_day(date: str) -> bytes:
    return b"queue:{queue}:day:" + date.encode()


def new_node_id(*, sharded: bool) -> str:
    """16 characters; the first tells scripts how the node listens: `s`, or a hexadecimal digit."""
    return "s" + secrets.token_hex(8)[1:] if sharded else secrets.token_hex(8)


def node_channel(node_id: str) -> bytes:
    return b"node:" + node_id.encode()


def conversation_channel(node_id: str, conversation_id: bytes) -> bytes:
    """Where a node of a cluster hears of one conversation."""
    return b"node:%b:{%b}" % (node_id.encode(), conversation_id.hex().encode())
