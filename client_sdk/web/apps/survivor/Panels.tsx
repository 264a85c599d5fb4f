/** What opens below the header: the emergency numbers, and what `Room.tsx` has. Exit stays in reach above them. */

import type { ComponentChildren } from "preact"
import { useLayoutEffect, useRef } from "preact/hooks"

import { ownTextIn } from "../shared/block.ts"
import { Drawing } from "../shared/parts/Drawing.tsx"
import { EARLY_ICONS } from "../shared/parts/earlyIcons.ts"
import { siteOf, telephone, type EmergencyContact } from "./configuration.ts"
import { useFirstWording } from "./words.tsx"

interface PanelProps {
  readonly id: string
  readonly title: string
  readonly onClose: () => void
  readonly children: ComponentChildren
}

export function PanelCard({ id, title, onClose, children }: PanelProps) {
  const { t } = useFirstWording()
  const heading = useRef<HTMLHeadingElement>(null)
  // The panel says its name as soon as it opens; Escape closes it from anywhere inside, and the keyboard is back where
  // it was.
  useLayoutEffect(() => {
    // It may have been open before the app was there.
    if (heading.current?.closest("section")?.contains(document.activeElement) === false)
      heading.current.focus({ preventScroll: true })
    return () => {
      document.querySelector<HTMLElement>(`[aria-controls="${id}"]`)?.focus()
    }
  }, [])
  return (
    <section
      id={id}
      class="panel"
      aria-labelledby={`${id}-title`}
      onKeyDown={(event) => {
        if (event.key === "Escape") onClose()
      }}
    >
      <div class="panel-head">
        <h2 id={`${id}-title`} ref={heading} tabIndex={-1}>
          {title}
        </h2>
        <button type="button" class="button quiet" aria-label={t("close")} onClick={onClose}>
          <Drawing path={EARLY_ICONS.close} />
        </button>
      </div>
      {children}
    </section>
  )
}

interface EmergencyProps {
  readonly numbers: readonly EmergencyContact[]
  readonly onClose: () => void
}

export function EmergencyPanel({ numbers, onClose }: EmergencyProps) {
  const { t } = useFirstWording()
  return (
    <PanelCard id="emergency" title={t("emergency")} onClose={onClose}>
      <EmergencyNumbers numbers={numbers} />
    </PanelCard>
  )
}

export function EmergencyNumbers({ numbers }: { readonly numbers: readonly EmergencyContact[] }) {
  const { language, t } = useFirstWording()
  return (
    <>
      <ul class="numbers">
        {numbers.map(({ number, link, name, about }) => {
          const called = ownTextIn(name, language) ?? number
          const explained = ownTextIn(about, language)
          return (
            <li key={number ?? link}>
              {number !== null && (
                <a class="button number" href={telephone(number)}>
                  <Drawing path={EARLY_ICONS.phone} />
                  <span class="spoken">{t("emergency.call")}</span>
                  <span class="number-name">
                    {called}
                    {explained !== undefined && <small>{explained}</small>}
                  </span>
                  <strong>{number}</strong>
                </a>
              )}
              {link !== null && (
                <a class="button number" href={link} target="_blank" rel="noopener noreferrer" referrerpolicy="no-referrer">
                  <Drawing path={EARLY_ICONS.chat} />
                  <span class="spoken">{t("emergency.write")}</span>
                  <span class="number-name">
                    {called}
                    {number === null && explained !== undefined && <small>{explained}</small>}
                    <small>
                      {t("emergency.unspoken")}: <bdi class="site">{siteOf(link)}</bdi>
                    </small>
                  </span>
                </a>
              )}
            </li>
          )
        })}
      </ul>
      {numbers.some(({ number }) => number !== null) && <p class="muted">{t("emergency.trace")}</p>}
      {numbers.some(({ link }) => link !== null) && <p class="muted">{t("emergency.trace.link")}</p>}
    </>
  )
}
