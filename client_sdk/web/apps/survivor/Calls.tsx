/** The calls of her conversation: their code is fetched with the first of them, so that the page stays light. */

import { CallPlace, type CallState } from "../shared/call/place.ts"
import type { Conversation } from "./sdk.ts"
import type { Session } from "./session.ts"
import { useWording } from "./words.tsx"

/** Where the calls of a conversation are. Phones with little data begin at the low rates. */
export function callPlace(conversation: Conversation, onChange: (state: CallState) => void): CallPlace {
  onChange("none")
  return new CallPlace(conversation, { load: () => import("../shared/call/call.ts"), onChange, beginsAt: "low" })
}

interface CallsProps {
  readonly call: CallState
  readonly session: Session
  /** Whether she would like to call somebody, and is asked how. */
  readonly isStarting: boolean
  readonly onDone: () => void
}

export function Calls({ call, session, isStarting, onDone }: CallsProps) {
  const { language, t } = useWording()
  if (call === "none") return null
  if (call === "loading") return <p class="notice" role="status">{t("call.loading")}</p>
  if (call === "failed")
    return (
      <div class="card question" role="alert">
        <p>{t("call.failed")}</p>
        <button type="button" class="button" onClick={() => { session.prepareCall() }}>
          {t("call.again")}
        </button>
      </div>
    )
  const { CallPanel, Heard } = call.parts
  return (
    <>
      <Heard view={call.view} language={language} />
      <CallPanel
        call={call.call}
        view={call.view}
        language={language}
        isStaff={false}
        isStarting={isStarting}
        onDismiss={() => {
          onDone()
          call.call.dismiss()
        }}
      />
    </>
  )
}
