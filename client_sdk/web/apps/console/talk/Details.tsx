/** What is known of a conversation: what was asked for, who is in it, and the private note. */

import { useState } from "preact/hooks"

import { LANGUAGES } from "../../shared/i18n/catalogue.ts"
import { Choice } from "../../shared/parts/Choice.tsx"
import { genderName, needName } from "../../shared/i18n/names.ts"
import { roleName } from "../../shared/i18n/roleNames.ts"
import { Icon } from "../../shared/parts/Icon.tsx"
import { WRITING_SERVICES_OFF } from "../../shared/parts/writing.ts"
import type { Desk } from "../desk/desk.ts"
import { COLOURS, type Asked, type Named, type Talk } from "../desk/deskState.ts"
import { HandOverDialog } from "./HandOverDialogs.tsx"
import { InviteDialog } from "./InviteDialog.tsx"
import { TalkName } from "./TalkName.tsx"
import { useWording, type Words } from "../words.tsx"

/** In UTF-16 code units, as fields count. */
const MOST_NICKNAME = 40

interface DetailsProps {
  readonly talk: Talk
  readonly desk: Desk
  readonly me: Named | null
  /** On a phone, where these are a screen of their own. */
  readonly hasBack: boolean
  readonly onClose: () => void
}

export function Details({ talk, desk, me, hasBack, onClose }: DetailsProps) {
  const { t } = useWording()
  const [isInviting, setInviting] = useState(false)
  const [isHandingOver, setHandingOver] = useState(false)
  const isBusy = talk.ending !== null || talk.proposal !== null || talk.isLooking || talk.handOver?.stage === "going"
  return (
    <aside
      class="details"
      aria-label={t("talk.details")}
      onKeyDown={(event) => {
        if (event.key === "Escape") onClose()
      }}
    >
      {hasBack && (
        <div class="details-head">
          <button type="button" class="button quiet back" aria-label={t("talk.back.here")} onClick={onClose}>
            <Icon name="back" />
          </button>
          <h2 tabIndex={-1} data-screen="details">
            <TalkName talk={talk} />
          </h2>
        </div>
      )}
      {talk.asked !== null && <Request asked={talk.asked} />}
      <section class="block">
        <h2>{t("details.people")}</h2>
        <ul class="people">
          {me !== null && <li>{`${t("details.you")}: ${me.name} (${roleName(t, me.role)})`}</li>}
          {talk.people.map(({ key, name, role }) => (
            <li key={key}>
              {name === null ? t("details.survivor") : `${name} (${roleName(t, role)})`}
              {name !== null && (
                <span class="verified">
                  <Icon name="verified" />
                  {t("details.verified")}
                </span>
              )}
            </li>
          ))}
        </ul>
        <button
          type="button"
          class="button"
          data-invite
          disabled={isBusy}
          onClick={() => {
            setInviting(true)
          }}
        >
          {t("details.invite")}
        </button>
        <button
          type="button"
          class="button"
          data-hand-over
          disabled={isBusy}
          onClick={() => {
            setHandingOver(true)
          }}
        >
          {t("details.handover")}
        </button>
      </section>
      <section class="block note">
        <h2 id="note">{t("details.note")}</h2>
        <p class="muted" id="note-about">
          {t("details.note.about")}
        </p>
        <NoteField talk={talk} desk={desk} />
      </section>
      <MarkFields talk={talk} desk={desk} />
      {isHandingOver && (
        <HandOverDialog
          talk={talk}
          desk={desk}
          onClose={() => {
            setHandingOver(false)
          }}
        />
      )}
      {isInviting && (
        <InviteDialog
          talk={talk}
          desk={desk}
          onClose={() => {
            setInviting(false)
          }}
        />
      )}
    </aside>
  )
}

/** The private note. It is busy until what was written last is kept on this device, and stays so if that fails. */
function NoteField({ talk, desk }: Pick<DetailsProps, "talk" | "desk">) {
  const [unkept, setUnkept] = useState(0)
  const write = async (note: string): Promise<void> => {
    setUnkept((count) => count + 1)
    await desk.note(talk.id, note)
    setUnkept((count) => count - 1)
  }
  return (
    <textarea
      data-note
      aria-labelledby="note"
      aria-describedby="note-about"
      aria-busy={unkept > 0}
      {...WRITING_SERVICES_OFF}
      defaultValue={talk.note}
      onInput={({ currentTarget }) => void write(currentTarget.value)}
    />
  )
}

/** By what staff tell this person apart. */
function MarkFields({ talk, desk }: Pick<DetailsProps, "talk" | "desk">) {
  const { t } = useWording()
  const { id, nickname, colour } = talk
  return (
    <section class="block mark" aria-labelledby="mark">
      <h2 id="mark">{t("details.mark")}</h2>
      <p class="muted" id="mark-about">
        {t("details.mark.about")}
      </p>
      <label class="field">
        <span>{t("details.nickname")}</span>
        <input
          type="text"
          dir="auto"
          data-nickname
          aria-describedby="mark-about"
          {...WRITING_SERVICES_OFF}
          maxLength={MOST_NICKNAME}
          value={nickname}
          onInput={({ currentTarget }) => void desk.mark(id, { nickname: currentTarget.value, colour })}
        />
      </label>
      <Choice
        legend={t("details.colour")}
        group="colour"
        options={COLOURS.map((value) => ({ value, text: t(`colour.${value}`) }))}
        chosen={colour}
        onChoose={(chosen) => void desk.mark(id, { nickname, colour: chosen })}
      />
    </section>
  )
}

function Request({ asked }: { readonly asked: Asked }) {
  const { t } = useWording()
  const waited = asked.waitedSeconds === null ? null : Math.round(asked.waitedSeconds / 60)
  return (
    <section class="block">
      <h2>{t("details.request")}</h2>
      <dl class="facts">
        <Fact name={t("details.need")} value={asked.need === null ? null : needName(t, asked.need)} />
        <Fact name={t("details.urgency")} value={asked.urgency === null ? null : t(`urgency.${asked.urgency}`)} />
        <Fact name={t("details.language")} value={languageName(asked.language)} />
        <Fact name={t("details.prefers")} value={asked.preferredGender == null ? null : genderName(t, asked.preferredGender)} />
        <Fact name={t("details.region")} value={asked.region ?? null} />
        <Fact name={t("details.waited")} value={waited === null ? null : t("details.waited.minutes", { minutes: waited })} />
      </dl>
    </section>
  )
}

function Fact({ name, value }: { readonly name: string; readonly value: ReturnType<Words> | null }) {
  const { t } = useWording()
  return (
    <>
      <dt>{name}</dt>
      <dd>{value ?? t("details.unknown")}</dd>
    </>
  )
}

/** A language by its own name. */
export function languageName(language: string | null): string | null {
  const known: Readonly<Record<string, string>> = LANGUAGES
  return language === null ? null : (known[language] ?? language)
}
