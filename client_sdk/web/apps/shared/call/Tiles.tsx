/** Who is in the call: a tile for each, with the picture if there is one, and what there is to know of them. */

import { barsOf, type Quality } from "../../../src/call/media/quality.ts"
import type { CallView, PeerView } from "../../../src/call/media/view.ts"
import { nameOf, useCallWording } from "./callWords.tsx"
import { OwnPicture, Picture } from "./Media.tsx"

export function Tiles({ view: { peers, own }, isStaff }: { readonly view: CallView; readonly isStaff: boolean }) {
  const { t } = useCallWording()
  const ownCount = Number(own.screen !== null) + Number(own.camera !== null)
  return (
    <div class="tiles" data-peers={peers.length} data-count={peers.length + ownCount}>
      {peers.map((peer) => (
        <Tile key={peer.leaf} peer={peer} isStaff={isStaff} />
      ))}
      {own.screen !== null && <Own track={own.screen} label={t("sign.screen")} isMirrored={false} />}
      {own.camera !== null && <Own track={own.camera} label={t("sign.camera")} isMirrored={facesUs(own.camera)} />}
    </div>
  )
}

function Own(props: Parameters<typeof OwnPicture>[0]) {
  return (
    <div class="tile own-tile">
      <OwnPicture {...props} />
    </div>
  )
}

/** People know themselves from mirrors; what a phone's other camera shows must not be mirrored. */
function facesUs(track: MediaStreamTrack): boolean {
  return track.getSettings().facingMode !== "environment"
}

function Tile({ peer, isStaff }: { readonly peer: PeerView; readonly isStaff: boolean }) {
  const wording = useCallWording()
  const { t } = wording
  const name = nameOf(wording, peer)
  const { video, screen, audio, why } = peer.sending
  return (
    <div class="tile" data-state={peer.state}>
      {video || screen ? (
        <Picture stream={peer.picture} label={t(screen ? "peer.screen" : "peer.picture", { name })} class={screen ? "whole" : ""} />
      ) : (
        <span class="initial" aria-hidden="true">
          {Array.from(name)[0]}
        </span>
      )}
      <p class="tile-words">
        <span class="tile-name">{name}</span>
        {!audio && peer.state === "connected" && <span>{t("peer.muted")}</span>}
        {peer.quality !== null && <Bars quality={peer.quality} isMeasured={isStaff} />}
      </p>
      <p class="tile-news" role="status">
        {peer.isRecording && <strong>{t("peer.recording", { name })} </strong>}
        {!video && !screen && why !== null && t(`peer.noVideo.${why}`, { name })}
        {peer.state === "unreachable" && t("state.unreachable", { name })}
      </p>
    </div>
  )
}

/** The quality in bars, and in words for whom bars say nothing; `isMeasured`: in figures, too. */
function Bars({ quality, isMeasured }: { readonly quality: Quality; readonly isMeasured: boolean }) {
  const { t } = useCallWording()
  const bars = barsOf(quality.grade)
  const details = t("quality.details", {
    loss: Math.round(100 * quality.loss),
    delay: Math.round(quality.roundTripMs / 2),
    jitter: Math.round(quality.jitterMs),
    opinion: quality.opinion.toFixed(1),
  })
  return (
    <span class="quality" data-grade={quality.grade} title={isMeasured ? details : undefined}>
      <svg class="bars" viewBox="0 0 16 12" width="1.1em" height="0.9em" aria-hidden="true" focusable="false">
        {[1, 2, 3, 4].map((bar) => (
          <rect key={bar} x={4 * bar - 4} y={12 - 3 * bar} width="3" height={3 * bar} class={bar <= bars ? "bar-on" : "bar-off"} />
        ))}
      </svg>
      <span>{t(`quality.${quality.grade}`)}</span>
    </span>
  )
}
