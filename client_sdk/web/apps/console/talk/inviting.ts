/** How staff bring somebody into a talk: a person, anybody of a role, or whoever takes it from the queue. */

import type { Named, TalkAction } from "../desk/deskState.ts"
import { ColleagueAbsent, InvitationDeclined, type Colleague, type Conversation, type Staff } from "../sdk.ts"

export type Invitee =
  | { readonly by: "person"; readonly colleague: Colleague }
  | { readonly by: "role"; readonly role: string; readonly language: string | null }
  | { readonly by: "queue"; readonly need: string; readonly language: string | null }

/** As when it is handed over: whoever has not come by then is taken out again. */
export const COMES_WITHIN_SECONDS = 300

type Tell = (action: TalkAction) => void

export class Inviting {
  readonly #looking = new Map<string, AbortController>()
  /** About whom she is being asked, by conversation: each is brought in by whoever waits for her yes. */
  readonly #asked = new Map<string, Set<Named>>()

  constructor(private readonly staff: Pick<Staff, "inviteRole">) {}

  /** Have the person asked, and bring in whoever it is; how it goes is told. Never rejects. */
  async invite(id: string, conversation: Conversation | undefined, invitee: Invitee, reason: string, tell: Tell): Promise<void> {
    if (conversation === undefined) return
    let who: Named | null = null
    const asked = this.#asked.get(id) ?? new Set<Named>()
    this.#asked.set(id, asked)
    const mine: Named[] = []
    const proposed = (name: string, role: string): void => {
      who = { name, role }
      mine.push(who)
      asked.add(who)
      if (invitee.by === "queue") tell({ type: "looking", isOn: false })
      tell({ type: "proposed", who })
    }
    try {
      await this.#addInvited(id, conversation, invitee, reason, proposed, tell)
    } catch (error) {
      // That she said no is told by the conversation, as to everybody in it.
      if (!(error instanceof InvitationDeclined)) tell(failure(error, invitee, who))
    } finally {
      for (const one of mine) asked.delete(one)
      if (invitee.by === "queue") {
        this.#looking.delete(id)
        tell({ type: "looking", isOn: false })
      }
    }
  }

  /** Whether somebody here waits for her yes to this colleague. */
  isAsking(id: string, { name, role }: Named): boolean {
    return [...(this.#asked.get(id) ?? [])].some((one) => one.name === name && one.role === role)
  }

  /** Look for nobody in the queue any more. */
  stop(id: string): void {
    this.#looking.get(id)?.abort()
  }

  async #addInvited(
    id: string,
    conversation: Conversation,
    invitee: Invitee,
    reason: string,
    proposed: (name: string, role: string) => void,
    tell: Tell,
  ): Promise<void> {
    if (invitee.by === "person") {
      proposed(invitee.colleague.name, invitee.colleague.role)
      await conversation.invite(invitee.colleague, reason, COMES_WITHIN_SECONDS)
    } else if (invitee.by === "role") {
      const { role, language } = invitee
      await this.staff.inviteRole(conversation, role, { language, reason, proposed })
    } else {
      const { need, language } = invitee
      const looking = new AbortController()
      this.#looking.set(id, looking)
      tell({ type: "looking", isOn: true })
      await conversation.inviteFromQueue({ need, language }, reason, { proposed, signal: looking.signal })
    }
  }
}

function failure(error: unknown, { by }: Invitee, who: Named | null): TalkAction {
  if (error instanceof ColleagueAbsent && by !== "person") return { type: "decided", notice: "nobody", who: who ?? NOBODY }
  return { type: "decided", notice: who === null ? "nobody" : "failed", who: who ?? NOBODY }
}

const NOBODY: Named = { name: "", role: "" }
