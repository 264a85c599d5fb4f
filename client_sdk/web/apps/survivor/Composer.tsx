/**
 * Where she writes.
 *
 * The words are in the field alone (`../shared/parts/writing.ts`), which is emptied when the page is left. While there is
 * no field, because a conversation is over before she has sent them, they are kept in memory for the next one.
 */

import { useLayoutEffect, useRef, type MutableRef } from "preact/hooks"

import { Icon } from "../shared/parts/Icon.tsx"
import { fit, WRITING_SERVICES_OFF } from "../shared/parts/writing.ts"
import { useWording } from "./words.tsx"

interface ComposerProps {
  /** What is not sent yet, while there is no field. */
  readonly draft: MutableRef<string>
  readonly onSay: (text: string) => void
  readonly onTyping: (active: boolean) => void
  /** Null while there is nobody to talk with. */
  readonly onCall: (() => void) | null
}

export function Composer({ draft, onSay, onTyping, onCall }: ComposerProps) {
  const { t } = useWording()
  const field = useRef<HTMLTextAreaElement>(null)

  useLayoutEffect(() => {
    const area = field.current
    if (area === null) return undefined
    if (draft.current !== "") {
      area.value = draft.current
      draft.current = ""
      fit(area)
    }
    return () => {
      draft.current = area.value
    }
  }, [])

  const say = (): void => {
    const text = field.current?.value.trim() ?? ""
    if (field.current === null || text === "") return
    field.current.value = ""
    fit(field.current)
    field.current.focus()
    onTyping(false)
    onSay(text)
  }

  return (
    <div class="foot">
      <div class="composer">
        {onCall !== null && (
          <button type="button" class="button round" aria-label={t("call.start")} onClick={onCall}>
            <Icon name="phone" />
          </button>
        )}
        <div class="grow">
          <textarea
            ref={field}
            rows={1}
            dir="auto"
            aria-label={t("say.label")}
            placeholder={t("say.placeholder")}
            {...WRITING_SERVICES_OFF}
            onInput={({ currentTarget }) => {
              fit(currentTarget)
              onTyping(currentTarget.value.trim() !== "")
            }}
            onKeyDown={(event) => {
              if (!sendsBy(event)) return
              event.preventDefault()
              say()
            }}
          />
        </div>
        <button
          type="button"
          class="button primary send"
          aria-label={t("say.send")}
          // The field keeps the focus, or a phone would fold its keyboard.
          onMouseDown={(event) => {
            event.preventDefault()
          }}
          onClick={say}
        >
          <Icon name="send" />
        </button>
      </div>
    </div>
  )
}

/** Enter sends where there is a real keyboard; on a phone it begins a new line, and the button sends. */
function sendsBy(event: KeyboardEvent): boolean {
  return event.key === "Enter" && !event.shiftKey && !event.isComposing && matchMedia("(pointer: fine)").matches
}
