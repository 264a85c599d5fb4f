/** A service of the directory as it is told in a conversation. */

import { Referral } from "../chat/messages.ts"
import { NEEDS, type Service } from "./services.ts"
import { nowInSeconds } from "../net/clock.ts"

const MOST_NAME = 128
const MOST_CONTACT = 1000

export interface ReferralOptions {
  readonly note?: string
  readonly id?: Uint8Array
  /** Seconds since 1970. */
  readonly sent?: number
}

/** What to say of a service in the directory of that version; throws `LocalMessageError` for a note that is too long. */
export function referralTo(service: Service, directoryVersion: number, options: ReferralOptions = {}): Referral {
  const { note = "", id = crypto.getRandomValues(new Uint8Array(16)), sent = nowInSeconds() } = options
  return Referral({
    id,
    sent,
    service: Array.from(service.name).slice(0, MOST_NAME).join(""),
    kind: NEEDS.find((need) => service.needs.has(need)) ?? "other",
    contact: contactOf(service),
    note,
    serviceId: Uint8Array.from(service.id.replaceAll("-", "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)),
    directoryVersion,
  })
}

/** One number or address a line; what has no room is left out whole, for half a number reaches somebody else. */
function contactOf({ phones, additionalUrls, email, url }: Service): string {
  const ways = [...phones.map(({ number }) => number), ...additionalUrls.map((one) => one.url), email, url]
  return ways.reduce<string>((lines, way) => {
    const longer = [lines, way ?? ""].filter(Boolean).join("\n")
    return longer.length > MOST_CONTACT ? lines : longer
  }, "")
}
