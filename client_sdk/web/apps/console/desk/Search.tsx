/** Looks through what was said in the open conversations, on this device. */

import { Time } from "../../shared/parts/Time.tsx"
import { WRITING_SERVICES_OFF } from "../../shared/parts/writing.ts"
import { search, type Talk } from "./deskState.ts"
import { talkName } from "../talk/TalkName.tsx"
import { useWording } from "../words.tsx"

interface FieldProps {
  readonly value: string
  readonly onValue: (value: string) => void
}

export function SearchField({ value, onValue }: FieldProps) {
  const { t } = useWording()
  return (
    <input
      type="search"
      class="search"
      data-search
      {...WRITING_SERVICES_OFF}
      aria-label={t("search.label")}
      aria-keyshortcuts="Alt+S"
      placeholder={t("search.placeholder")}
      value={value}
      onInput={({ currentTarget }) => {
        onValue(currentTarget.value)
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") onValue("")
      }}
    />
  )
}

interface ResultsProps {
  readonly talks: readonly Talk[]
  readonly query: string
  readonly onShow: (id: string, message: string) => void
}

export function SearchResults({ talks, query, onShow }: ResultsProps) {
  const { language, t } = useWording()
  const found = search(talks, query)
  return (
    <section class="results">
      <p role="status" class="muted">
        {found.length === 0 ? t("search.none") : t("search.found", { count: found.length })}
      </p>
      <ul>
        {found.map(({ talk, item }) => (
          <li key={`${talk.id} ${item.id}`}>
            <button
              type="button"
              class="result"
              onClick={() => {
                onShow(talk.id, item.id)
              }}
            >
              <span class="talk-name">{talkName(t, talk)}</span>
              <Time at={item.at} language={language} />
              <span class="words">{item.text}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  )
}
