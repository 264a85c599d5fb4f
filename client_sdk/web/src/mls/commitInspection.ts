/**
 * Looks at somebody's commit before it is applied: ts-mls calls back in the middle, when the signature has been
 * verified and the proposals are known.
 *
 *     Adds of key packages that are valid now, Removes     applied
 *     a Remove of us                                       noted, and not applied: we cannot follow
 *     any other proposal, a commit from outside            refused
 */

import { InvalidCommit, InvalidMessage, UnsupportedByPolicy } from "../cryptoErrors.ts"
import type { RemoteError } from "../cryptoErrors.ts"
import { lifetimeObjection } from "./leafRules.ts"
import type { Leaf } from "./leafRules.ts"

// RFC 9420, 17.4.
const ADD = 1
const REMOVE = 3

/** What is read of a proposal. */
export interface InspectedProposal {
  readonly proposalType: number
  readonly add?: { readonly keyPackage: { readonly leafNode: Leaf } }
  readonly remove?: { readonly removed: number }
}

/** What ts-mls tells about a message that is not application data. */
export type Incoming =
  | {
      readonly kind: "commit"
      readonly senderLeafIndex: number | undefined
      readonly proposals: readonly { readonly proposal: InspectedProposal }[]
    }
  | { readonly kind: "proposal" }

/** For one message that arrives at `now` (seconds). */
export class CommitInspection {
  readonly #ownLeafIndex: number
  readonly #now: number
  #seen: { readonly sender: number; readonly removesUs: boolean } | undefined
  #objection: RemoteError | undefined

  constructor(ownLeafIndex: number, now: number) {
    this.#ownLeafIndex = ownLeafIndex
    this.#now = now
  }

  /** Whether ts-mls is to apply it. */
  readonly callback = (incoming: Incoming): "accept" | "reject" => {
    if (incoming.kind !== "commit" || incoming.senderLeafIndex === undefined) {
      this.#objection = new UnsupportedByPolicy("members alone change the group, and by commits alone")
      return "reject"
    }
    const proposals = incoming.proposals.map(({ proposal }) => proposal)
    const removesUs = proposals.some((proposal) => removedBy(proposal) === this.#ownLeafIndex)
    this.#seen = { sender: incoming.senderLeafIndex, removesUs }
    this.#objection = proposals.map((proposal) => this.#objectionTo(proposal)).find((found) => found !== undefined)
    return removesUs || this.#objection !== undefined ? "reject" : "accept"
  }

  /** Who committed, and whether we are out by it; throws what is to be said against the commit. */
  verdict(): { readonly sender: number; readonly removesUs: boolean } {
    if (this.#objection !== undefined) throw this.#objection
    if (this.#seen === undefined) throw new InvalidMessage("the message is neither application data nor a commit")
    if (this.#seen.sender === this.#ownLeafIndex) throw new InvalidCommit("the commit claims to be ours")
    return this.#seen
  }

  #objectionTo(proposal: InspectedProposal): RemoteError | undefined {
    if (removedBy(proposal) !== undefined) return undefined
    if (proposal.proposalType !== ADD || proposal.add === undefined)
      return new UnsupportedByPolicy("commits add and remove, and do nothing else")
    return lifetimeObjection(proposal.add.keyPackage.leafNode, this.#now)
  }
}

function removedBy({ proposalType, remove }: InspectedProposal): number | undefined {
  return proposalType === REMOVE ? remove?.removed : undefined
}
