/** By what staff tell people apart: a number and a colour, and a nickname if they have given one. She has no name. */

import type { Talk } from "../desk/deskState.ts"
import { useWording, type Words } from "../words.tsx"

/** What a person is called on this device. */
export function talkName(t: Words, { nickname, number }: Pick<Talk, "nickname" | "number">): string {
  const given = nickname.trim()
  return given === "" ? t("talk.name", { number }) : given
}

/** The number on the colour, which says nothing that the number does not. */
export function TalkMark({ talk: { number, colour } }: { readonly talk: Pick<Talk, "number" | "colour"> }) {
  return (
    <span class={`talk-mark ${colour}`} aria-hidden="true">
      {number}
    </span>
  )
}

/** The name as it stands beside the mark. Read aloud, a nickname is followed by the number that the mark shows. */
export function TalkName({ talk }: { readonly talk: Pick<Talk, "nickname" | "number"> }) {
  const { t } = useWording()
  const isGiven = talk.nickname.trim() !== ""
  return (
    <>
      <bdi>{talkName(t, talk)}</bdi>
      {isGiven && <span class="spoken">{`, ${t("talk.name", { number: talk.number })}`}</span>}
    </>
  )
}
