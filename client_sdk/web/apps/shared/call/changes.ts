/**
 * What has changed in a call, in sentences for whoever does not see it: who came and went, who mutes or shows something,
 * whose connection has become weaker or better. What is always on the page is not repeated here.
 */

import type { Grade } from "../../../src/call/media/quality.ts"
import type { CallView, PeerView } from "../../../src/call/media/view.ts"
import { nameOf, type CallWording } from "./callWords.tsx"

export function changesBetween(before: CallView, now: CallView, wording: CallWording): string[] {
  if (now.phase !== "in call") return []
  const known = new Map(before.phase === "in call" ? before.peers.map((peer) => [peer.leaf, peer]) : [])
  const staying = new Set(now.peers.map(({ leaf }) => leaf))
  const gone = [...known.values()].filter(({ leaf }) => !staying.has(leaf))
  return [
    ...gone.map((peer) => wording.t("change.left", { name: nameOf(wording, peer) })),
    ...now.peers.flatMap((peer) => changesOf(known.get(peer.leaf), peer, wording)),
  ]
}

function changesOf(before: PeerView | undefined, now: PeerView, wording: CallWording): string[] {
  const { t } = wording
  const name = nameOf(wording, now)
  if (before === undefined) return [t("change.joined", { name })]
  const news: string[] = []
  if (before.sending.audio !== now.sending.audio) news.push(t(now.sending.audio ? "change.unmuted" : "change.muted", { name }))
  if (before.sending.screen !== now.sending.screen) news.push(t(now.sending.screen ? "change.screen" : "change.screen.off", { name }))
  else if (before.sending.video !== now.sending.video) news.push(t(now.sending.video ? "change.camera" : "change.camera.off", { name }))
  if (now.quality !== null && isHeardAsOther(before.quality?.grade ?? "good", now.quality.grade))
    news.push(t("change.quality", { name, quality: t(`quality.${now.quality.grade}`) }))
  return news
}

/** A fair connection sounds like a good one; to tell of it every few seconds would be in the way of what is said. */
function isHeardAsOther(before: Grade, now: Grade): boolean {
  const plain = (grade: Grade): Grade => (grade === "fair" ? "good" : grade)
  return plain(before) !== plain(now)
}
