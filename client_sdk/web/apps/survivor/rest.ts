/**
 * What comes behind the first screen, in the same document: everything that is needed once she has asked.
 *
 * `main.tsx` waits for it; the first screen imports nothing else of it but types.
 */

import type { CallState } from "../shared/call/place.ts"
import { sharedTexts } from "../shared/i18n/sharedTexts.ts"
import { callPlace } from "./Calls.tsx"
import type { Configuration } from "./configuration.ts"
import { readOrganisation, Survivor } from "./sdk.ts"
import { Session } from "./session.ts"
import type { Action } from "./stateTypes.ts"
import { survivorTexts } from "./survivorTexts.ts"
import { addTexts } from "./words.tsx"

export { ExitPlaceChoice } from "./ExitPlaceChoice.tsx"
export { Presses } from "./Presses.tsx"
export { MemberState } from "./Room.tsx"
export { readOrganisation } from "./sdk.ts"
export { SkinScreen } from "./Skins.tsx"
export { reduce } from "./state.ts"
export { Behind } from "./Talk.tsx"
export { ServicesPanel, WhoElse } from "./WhoElse.tsx"

addTexts({ en: { ...sharedTexts.en, ...survivorTexts.en }, id: { ...sharedTexts.id, ...survivorTexts.id } })

/** Her session with this relay; `onCall` hears where its calls are. */
export function newSession(
  { organisation }: Configuration,
  dispatch: (action: Action) => void,
  onCall: (state: CallState) => void,
): Session {
  return new Session(
    () => Survivor.open(window.location.origin, readOrganisation(organisation), { canCall: "RTCPeerConnection" in window }),
    dispatch,
    Date.now,
    (conversation) => callPlace(conversation, onCall),
  )
}
