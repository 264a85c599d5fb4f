/** A question or a list in front of everything: the browser's own dialog, which keeps the focus and knows Escape. */

import type { ComponentChildren } from "preact"
import { useId, useLayoutEffect, useRef } from "preact/hooks"

import { Icon } from "../shared/parts/Icon.tsx"
import { useWording } from "./words.tsx"

interface DialogProps {
  readonly title: string
  readonly onClose: () => void
  readonly children: ComponentChildren
}

export function Dialog({ title, onClose, children }: DialogProps) {
  const { t } = useWording()
  const dialog = useRef<HTMLDialogElement>(null)
  const heading = useId()
  // Before anything else is typed: what is meant for the dialog must not go into the field behind it.
  useLayoutEffect(() => {
    dialog.current?.showModal()
  }, [])
  return (
    <dialog
      ref={dialog}
      class="dialog"
      aria-labelledby={heading}
      onClose={onClose}
      onKeyDown={(event) => {
        // Escape closes this, and not also what it was opened from.
        if (event.key === "Escape") event.stopPropagation()
      }}
    >
      <div class="dialog-head">
        <h2 id={heading}>{title}</h2>
        <button type="button" class="button quiet" aria-label={t("close")} onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      {children}
    </dialog>
  )
}
