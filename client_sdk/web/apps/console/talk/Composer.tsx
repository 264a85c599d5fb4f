/** Where staff write, with prepared replies at hand. What is being written stays with its conversation. */

import { useLayoutEffect, useRef, useState } from "preact/hooks"

import { ownTextIn, type OwnText } from "../../shared/block.ts"
import { LANGUAGES, preferredLanguage, type Language } from "../../shared/i18n/catalogue.ts"
import { Icon } from "../../shared/parts/Icon.tsx"
import { fit, WRITING_SERVICES_OFF } from "../../shared/parts/writing.ts"
import type { DeskProps } from "../desk/deskProps.ts"
import type { Talk } from "../desk/deskState.ts"
import { useWording, wordingOf } from "../words.tsx"

const READY = ["welcome", "safe", "time", "exit"] as const
interface ComposerProps extends DeskProps {
  readonly talk: Talk
  /** What the organisation has prepared. */
  readonly prepared: readonly OwnText[]
  /** As soon as it is there. Not on a phone, whose keyboard would hide what was said. */
  readonly takesFocus: boolean
  /** Null where the organisation has no directory. */
  readonly onRefer: (() => void) | null
}

export function Composer({ talk, state, desk, prepared, takesFocus, onRefer }: ComposerProps) {
  const { language, t } = useWording()
  const field = useRef<HTMLTextAreaElement>(null)
  const [hasFailed, setFailed] = useState(false)
  const [hasReplies, setReplies] = useState(false)

  const put = (text: string, focuses = true): void => {
    if (field.current === null) return
    field.current.value = text
    desk.drafts.set(talk.id, text)
    fit(field.current)
    if (focuses) field.current.focus()
  }
  // Before the field can be seen: nothing that is typed as soon as it is there may be overwritten.
  useLayoutEffect(() => {
    put(desk.drafts.get(talk.id) ?? "", takesFocus)
  }, [])

  const say = async (): Promise<void> => {
    const text = field.current?.value.trim() ?? ""
    if (text === "") return
    put("")
    desk.typing(talk.id, false)
    try {
      await desk.say(talk.id, text)
      setFailed(false)
    } catch {
      put(desk.drafts.get(talk.id) ?? text)
      setFailed(true)
    }
  }
  const insert = (text: string): void => {
    setReplies(false)
    put([field.current?.value.trimEnd() ?? "", text].filter(Boolean).join("\n"))
  }
  const keepOwn = (): void => {
    const text = field.current?.value.trim() ?? ""
    if (text !== "" && !state.replies.includes(text)) void desk.setReplies([...state.replies, text])
  }

  return (
    <div class="foot">
      {hasFailed && (
        <p class="card care" role="alert">
          {t("say.failed")}
        </p>
      )}
      {hasReplies && (
        <section
          class="card replies"
          aria-label={t("replies.title")}
          onKeyDown={(event) => {
            if (event.key !== "Escape") return
            setReplies(false)
            field.current?.focus()
          }}
        >
          {onRefer !== null && (
            <button type="button" class="button refer" onClick={onRefer}>
              {t("refer.open")}
            </button>
          )}
          <Replies texts={[...readyIn(hersOr(language, talk), prepared), ...state.replies]} onChoose={insert} />
          <Own replies={state.replies} onKeep={keepOwn} onChange={(replies) => void desk.setReplies(replies)} />
        </section>
      )}
      <div class="composer">
        <button
          type="button"
          class="button"
          data-replies
          aria-expanded={hasReplies}
          aria-keyshortcuts="Alt+R"
          onClick={() => {
            setReplies(!hasReplies)
          }}
        >
          {t("replies.open")}
        </button>
        <textarea
          ref={field}
          rows={1}
          dir="auto"
          aria-label={t("say.label")}
          placeholder={t("say.placeholder")}
          {...WRITING_SERVICES_OFF}
          onInput={({ currentTarget }) => {
            fit(currentTarget)
            desk.drafts.set(talk.id, currentTarget.value)
            desk.typing(talk.id, currentTarget.value.trim() !== "")
          }}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return
            event.preventDefault()
            void say()
          }}
        />
        <button type="button" class="button primary send" aria-label={t("say.send")} onClick={() => void say()}>
          <Icon name="send" />
        </button>
      </div>
    </div>
  )
}

/** The language that she asked in, if it is one of ours: that is what she is written to in. */
function hersOr(language: Language, { asked }: Talk): Language {
  return preferredLanguage([asked?.language ?? "", language], Object.keys(LANGUAGES) as Language[])
}

/** What the organisation has prepared; what every console has, if that is nothing. */
function readyIn(language: Language, prepared: readonly OwnText[]): readonly string[] {
  if (prepared.length === 0) return READY.map((one) => wordingOf(language).t(`reply.${one}`))
  return prepared.flatMap((text) => ownTextIn(text, language) ?? [])
}

function Replies({ texts, onChoose }: { readonly texts: readonly string[]; readonly onChoose: (text: string) => void }) {
  const first = useRef<HTMLButtonElement>(null)
  useLayoutEffect(() => first.current?.focus(), [])
  return (
    <ul>
      {texts.map((text, at) => (
        <li key={text}>
          <button
            type="button"
            class="reply"
            ref={at === 0 ? first : null}
            onClick={() => {
              onChoose(text)
            }}
          >
            {text}
          </button>
        </li>
      ))}
    </ul>
  )
}

interface OwnProps {
  readonly replies: readonly string[]
  readonly onKeep: () => void
  readonly onChange: (replies: readonly string[]) => void
}

function Own({ replies, onKeep, onChange }: OwnProps) {
  const { t } = useWording()
  return (
    <div class="own-replies">
      <button type="button" class="button quiet" onClick={onKeep}>
        {t("replies.own")}
      </button>
      {replies.map((reply) => (
        <button
          key={reply}
          type="button"
          class="button quiet"
          onClick={() => {
            onChange(replies.filter((one) => one !== reply))
          }}
        >
          {`${t("replies.drop")}: ${reply.slice(0, 24)}`}
        </button>
      ))}
    </div>
  )
}
