/**
 * Every state of a call and of the connections in it, and every way from one to another.
 *
 * Two tables, and no other place decides what follows what. `tests/vectors/call_transitions.json` holds them for both
 * languages, and `docs/calls.md` draws them. A *happening* is what remains of an input once it was looked at: whether it
 * is for us, is not old, and is not about something else. What is missing in a table cannot happen in that state: our own
 * application is told so (`CallNotAllowed`), others are ignored.
 */

/** Where this device stands with the calls of the conversation. */
export type CallState = "idle" | "calling" | "ringing" | "in call"

/** What leads from one state of a call to another. */
export type CallHappening =
  | "we ring"
  | "somebody rings"
  | "somebody joins"
  | "their ring goes before ours"
  | "we accept"
  | "we join"
  | "we decline"
  | "we cancel"
  | "we hang up"
  | "nobody is left"
  | "no connection can be made"
  | "it has rung long enough"
  | "we are removed"

/** Where the negotiation with one other device stands. The lower leaf offers. */
export type PeerState = "absent" | "offering" | "offered" | "awaiting" | "answering" | "stable"

/** What leads from one state of a negotiation to another. */
export type PeerHappening =
  | "joined, we offer"
  | "joined, they offer"
  | "our offer is made"
  | "an answer comes"
  | "an offer comes"
  | "our answer is made"
  | "a new offer is wanted"
  | "left"

export const CALL_TRANSITIONS: Readonly<Record<CallState, Partial<Record<CallHappening, CallState>>>> = {
  idle: { "we ring": "calling", "somebody rings": "ringing", "we join": "in call" },
  // Two who ring each other at once want the same: the call of the lower leaf stands, the other is in it.
  calling: {
    "somebody joins": "in call",
    "their ring goes before ours": "in call",
    "we cancel": "idle",
    "nobody is left": "idle",
    "it has rung long enough": "idle",
    "we are removed": "idle",
  },
  // A ring that goes before the one that is heard takes its place.
  ringing: {
    "somebody rings": "ringing",
    "we accept": "in call",
    "we decline": "idle",
    "nobody is left": "idle",
    "it has rung long enough": "idle",
    "we are removed": "idle",
  },
  // Newcomers are the connections' affair: the call goes on.
  "in call": {
    "somebody joins": "in call",
    "we ring": "in call",
    "we hang up": "idle",
    "nobody is left": "idle",
    "no connection can be made": "idle",
    "we are removed": "idle",
  },
}

export const PEER_TRANSITIONS: Readonly<Record<PeerState, Partial<Record<PeerHappening, PeerState>>>> = {
  absent: { "joined, we offer": "offering", "joined, they offer": "awaiting" },
  offering: { "our offer is made": "offered", "a new offer is wanted": "offering", left: "absent" },
  // Without rollback there is no offer that crosses another: whoever may not offer asks for one.
  offered: { "an answer comes": "stable", "a new offer is wanted": "offering", left: "absent" },
  awaiting: { "an offer comes": "answering", left: "absent" },
  answering: { "our answer is made": "stable", "an offer comes": "answering", left: "absent" },
  stable: { "a new offer is wanted": "offering", "an offer comes": "answering", left: "absent" },
}
