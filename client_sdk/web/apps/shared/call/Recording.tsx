/** Who would like to record, and who may: a yes can be taken back for as long as the call lasts. */

import type { CallView } from "../../../src/call/media/view.ts"
import { Button } from "./Button.tsx"
import type { CallControls } from "./callControls.ts"
import { nameOf, useCallWording } from "./callWords.tsx"

interface RecordingProps {
  readonly call: CallControls
  readonly view: CallView
}

export function Recording({ call, view: { wouldRecord, mayRecord } }: RecordingProps) {
  const wording = useCallWording()
  const { t } = wording
  return (
    <>
      {wouldRecord.map((peer) => (
        <div key={peer.leaf} class="card question" role="alert">
          <p>{t("record.ask", { name: nameOf(wording, peer) })}</p>
          <div class="answers">
            <Button text={t("record.no")} onPress={() => { call.answerRecording(peer.leaf, false) }} />
            <Button text={t("record.yes")} onPress={() => { call.answerRecording(peer.leaf, true) }} />
          </div>
        </div>
      ))}
      {mayRecord.map((peer) => (
        <div key={peer.leaf} class="call-line">
          <p>{t("record.granted", { name: nameOf(wording, peer) })}</p>
          <Button text={t("record.withdraw")} onPress={() => { call.answerRecording(peer.leaf, false) }} />
        </div>
      ))}
    </>
  )
}
