/**
 * Where she writes.
 *
 * The words are in the field alone, never in an attribute, a form or the address. `autocomplete="off"` and a missing name
 * keep browsers from storing the field for session restore; it is emptied when the page is left. Spelling and writing
 * services are turned off, for some send what is typed to their makers.
 */

import { useRef } from "preact/hooks"

import { Icon } from "../shared/parts/Icon.tsx"
import { useWording } from "./words.tsx"

interface ComposerProps {
  readonly onSay: (text: string) => void
  readonly onTyping: (active: boolean) => void
}

const WRITING_SERVICES_OFF = {
  autocomplete: "off",
  autocorrect: "off",
  spellcheck: false,
  writingsuggestions: "false",
  "data-gramm": "false",
  "data-form-type": "other",
} as const

export function Composer({ onSay, onTyping }: ComposerProps) {
  const { t } = useWording()
  const field = useRef<HTMLTextAreaElement>(null)

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
        <button type="button" class="button primary send" aria-label={t("say.send")} onClick={say}>
          <Icon name="send" />
        </button>
      </div>
    </div>
  )
}

/** Makes the field as high as its text; the style sheet limits it. */
function fit(field: HTMLTextAreaElement): void {
  field.style.blockSize = "auto"
  field.style.blockSize = `${field.scrollHeight + 2}px`
}

/** Enter sends where there is a real keyboard; on a phone it begins a new line, and the button sends. */
function sendsBy(event: KeyboardEvent): boolean {
  return event.key === "Enter" && !event.shiftKey && !event.isComposing && matchMedia("(pointer: fine)").matches
}
