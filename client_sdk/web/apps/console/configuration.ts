/** What the organisation decides about the console, read from the block that the server fills (see ../README.md). */

import { isShortText, languagesOf, listOf, ownTexts, readBlock, type OwnText } from "../shared/block.ts"
import type { Language } from "../shared/i18n/catalogue.ts"

/** Nothing in a demonstration is worth a secret, and it should work at once. */
export const DEMONSTRATION_PASSPHRASE = "demonstration"

export interface Configuration {
  /** As `readOrganisation` of the SDK takes it. */
  readonly organisation: unknown
  readonly organisationName: string
  /** Offered, the organisation's own first. */
  readonly languages: readonly Language[]
  /** What the organisation has prepared for staff to say; empty: nothing. */
  readonly replies: readonly OwnText[]
  /** Coarse places to choose one's own from; empty: nobody says where she is. */
  readonly regions: readonly string[]
  /** Whether the relay has a directory of services. */
  readonly hasDirectory: boolean
  /** The relay of a demonstration approves devices by itself, which the console has to say. */
  readonly isDemonstration: boolean
}

/** Reads the block's text; raises `NotConfigured`. */
export function readConfiguration(text: string): Configuration {
  const { organisation, organisationName, page, entries } = readBlock(text)
  return {
    organisation,
    organisationName,
    languages: languagesOf(page["languages"]),
    replies: ownTexts(page["replies"]),
    regions: listOf(page["regions"], isShortText) ?? [],
    hasDirectory: entries["directory"] === true,
    isDemonstration: entries["demonstration"] === true,
  }
}

/** The invitation code in the fragment of an address, for example `#invitation=CODE`; empty if there is none. */
export function invitationIn(fragment: string): string {
  return new URLSearchParams(fragment.replace(/^#/, "")).get("invitation")?.trim() ?? ""
}

/** The code in what somebody pasted: the code itself, or the whole link. */
export function invitationFrom(pasted: string): string {
  const text = pasted.trim()
  const at = text.indexOf("#")
  return at === -1 ? text : invitationIn(text.slice(at)) || text
}
