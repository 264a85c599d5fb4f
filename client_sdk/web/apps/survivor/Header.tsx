/**
 * What is always there: who is in the room or the language, the link, the emergency numbers, and the way out.
 *
 * Exit comes first in the document, for the first press of Tab. Where it is to be at a thumb, it stands in a line of its own
 * between what is read and where she writes (`survivor.css`), so that it covers nothing and no keyboard covers it.
 */

import type { ComponentChildren } from "preact"
import { useLayoutEffect, useState } from "preact/hooks"

import { Drawing } from "../shared/parts/Drawing.tsx"
import { EARLY_ICONS } from "../shared/parts/earlyIcons.ts"
import { IN_HAND, type ExitPlace } from "./configuration.ts"
import { useFirstWording } from "./words.tsx"

/** The panels below the header, of which at most one is open. */
export type Panel = "emergency" | "room" | "services" | null

interface HeaderProps {
  readonly children: ComponentChildren
  readonly panel: Panel
  readonly onPanel: (panel: Panel) => void
  readonly exitPlace: ExitPlace
  readonly onExit: () => void
}

export function Header({ children, panel, onPanel, exitPlace, onExit }: HeaderProps) {
  const { t } = useFirstWording()
  const isAtThumb = useHand() && exitPlace !== "top"
  const exit = (
    <button type="button" class="button exit bar-button" title={t("exit.hint")} onClick={onExit}>
      <Drawing path={EARLY_ICONS.leave} />
      <span>{t("exit")}</span>
    </button>
  )
  return (
    <>
      {isAtThumb && <div class={`thumb ${exitPlace}`}>{exit}</div>}
      <header class="bar">
        {!isAtThumb && exit}
        <div class="bar-start">{children}</div>
        <button
          type="button"
          class="button quiet bar-button emergency-button"
          aria-expanded={panel === "emergency"}
          aria-controls="emergency"
          aria-label={t("emergency")}
          onClick={() => {
            onPanel(panel === "emergency" ? null : "emergency")
          }}
        >
          <Drawing path={EARLY_ICONS.warning} />
          <span>{t("emergency.short")}</span>
        </button>
      </header>
    </>
  )
}

function useHand(): boolean {
  const [isInHand, setInHand] = useState(() => matchMedia(IN_HAND).matches)
  useLayoutEffect(() => {
    const query = matchMedia(IN_HAND)
    const look = (): void => {
      setInHand(query.matches)
    }
    query.addEventListener("change", look)
    return () => {
      query.removeEventListener("change", look)
    }
  }, [])
  return isInHand
}
