/** Everything before the desk: another tab, setting up, the four words, unlocking, erasing. */

import type { ComponentChildren } from "preact"
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks"

import { Languages, type LanguagesProps } from "../../shared/parts/Languages.tsx"
import { DEMONSTRATION_PASSPHRASE, type Configuration } from "../configuration.ts"
import { passphraseFailure, type Door } from "./door.ts"
import type { DoorFailure, DoorState } from "./doorState.ts"
import { hasPasskeys } from "./passkey.ts"
import { useWording } from "../words.tsx"

interface DoorProps {
  readonly state: DoorState
  readonly door: Door
}

interface ScreenProps extends DoorProps {
  readonly languages: LanguagesProps
  readonly configuration: Configuration
}

export function DoorScreen({ state, door, languages, configuration }: ScreenProps) {
  return (
    <div class="door-frame">
      <header class="door-head">
        <span class="organisation">{configuration.organisationName}</span>
        <Languages {...languages} />
      </header>
      <main class="door card" aria-busy={state.isBusy}>
        <Step key={state.place} state={state} door={door} configuration={configuration} />
      </main>
    </div>
  )
}

function Step({ state, door, configuration }: DoorProps & { readonly configuration: Configuration }) {
  const { t } = useWording()
  switch (state.place) {
    case "starting":
    case "inside":
      return <p role="status">{t("door.starting")}</p>
    case "elsewhere":
      return <Elsewhere state={state} door={door} />
    case "new":
      return <New state={state} door={door} configuration={configuration} />
    case "code":
      return <Code state={state} door={door} />
    case "words":
      return <ComparisonWords state={state} door={door} />
    case "locked":
      return <Locked state={state} door={door} configuration={configuration} />
    case "broken":
      return (
        <>
          <Title text={t("door.broken")} />
          <p>{t("door.broken.text")}</p>
        </>
      )
  }
}

/**
 * A new step's headline is focused, so that it is read aloud and the keyboard begins there. Before the step can be seen:
 * whoever begins to type as soon as it is there keeps the keyboard.
 */
function Title({ text }: { readonly text: string }) {
  const heading = useRef<HTMLHeadingElement>(null)
  useLayoutEffect(() => heading.current?.focus(), [])
  return (
    <h1 ref={heading} tabIndex={-1}>
      {text}
    </h1>
  )
}

function Failure({ failure }: { readonly failure: DoorFailure | null }) {
  const { t } = useWording()
  if (failure === null) return null
  return (
    <p class="card care" role="alert">
      {t(`failure.${failure}`)}
    </p>
  )
}

function Elsewhere({ state, door }: DoorProps) {
  const { t } = useWording()
  return (
    <>
      <Title text={t("door.elsewhere")} />
      <p>{t("door.elsewhere.text")}</p>
      <button type="button" class="button primary" disabled={state.isBusy} onClick={() => void door.takeOver()}>
        {t("door.elsewhere.take")}
      </button>
    </>
  )
}

interface FieldProps {
  readonly label: string
  readonly value: string
  readonly onValue: (value: string) => void
  readonly kind?: "password" | "text"
  readonly hint?: string
  readonly autocomplete?: "current-password" | "new-password" | "off"
}

function Field({ label, value, onValue, kind = "text", hint, autocomplete = "off" }: FieldProps) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type={kind}
        value={value}
        autocomplete={autocomplete}
        autocapitalize="off"
        spellcheck={false}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        onInput={({ currentTarget }) => {
          onValue(currentTarget.value)
        }}
      />
      {hint !== undefined && (
        <small class="muted" id={`${id}-hint`}>
          {hint}
        </small>
      )}
    </div>
  )
}

function Form({ onSubmit, children }: { readonly onSubmit: () => void; readonly children: ComponentChildren }) {
  return (
    <form
      class="steps"
      onSubmit={(event) => {
        event.preventDefault()
        onSubmit()
      }}
    >
      {children}
    </form>
  )
}

function New({ state, door, configuration }: DoorProps & { readonly configuration: Configuration }) {
  const { t } = useWording()
  const given = configuration.isDemonstration ? DEMONSTRATION_PASSPHRASE : ""
  const [invitation, setInvitation] = useState(state.invitation)
  const [passphrase, setPassphrase] = useState(given)
  const [again, setAgain] = useState(given)
  const [wrong, setWrong] = useState<DoorFailure | null>(null)
  const create = (): void => {
    const failure = invitation.trim() === "" ? "invitation" : passphraseFailure(passphrase, again)
    setWrong(failure)
    if (failure === null) void door.create({ passphrase }, invitation)
  }
  const hint = configuration.isDemonstration
    ? t("door.passphrase.demo", { passphrase: DEMONSTRATION_PASSPHRASE })
    : t("door.passphrase.hint")
  return (
    <Form onSubmit={create}>
      <Title text={t("door.new")} />
      <p>{t("door.new.text", { organisation: configuration.organisationName })}</p>
      <Field label={t("door.invitation")} value={invitation} onValue={setInvitation} />
      <h2>{t("door.protect")}</h2>
      <p class="muted">{t("door.protect.text")}</p>
      <Field label={t("door.passphrase")} kind="password" value={passphrase} onValue={setPassphrase} hint={hint} autocomplete="new-password" />
      <Field label={t("door.passphrase.again")} kind="password" value={again} onValue={setAgain} autocomplete="new-password" />
      <Failure failure={wrong ?? state.failure} />
      <div class="row">
        <button type="submit" class="button primary" disabled={state.isBusy}>
          {t("door.create")}
        </button>
        {hasPasskeys() && (
          <button
            type="button"
            class="button"
            disabled={state.isBusy}
            onClick={() => {
              setWrong(invitation.trim() === "" ? "invitation" : null)
              if (invitation.trim() !== "") void door.create("passkey", invitation)
            }}
          >
            {t("door.create.passkey")}
          </button>
        )}
      </div>
    </Form>
  )
}

function Code({ state, door }: DoorProps) {
  const { t } = useWording()
  const [invitation, setInvitation] = useState("")
  return (
    <Form
      onSubmit={() => {
        void door.enrol(invitation)
      }}
    >
      <Title text={t("door.code")} />
      <p>{t("door.code.text")}</p>
      <Field label={t("door.invitation")} value={invitation} onValue={setInvitation} />
      <Failure failure={state.failure} />
      <div class="row">
        <button type="submit" class="button primary" disabled={state.isBusy || invitation.trim() === ""}>
          {t("door.code.go")}
        </button>
      </div>
      <Erase door={door} />
    </Form>
  )
}

function ComparisonWords({ state, door }: DoorProps) {
  const { language, t } = useWording()
  return (
    <>
      <Title text={t("door.words")} />
      <ol class="words-to-compare" lang={language}>
        {state.words[language].map((word, at) => (
          <li key={`${at} ${word}`}>{word}</li>
        ))}
      </ol>
      <p>{t("door.words.text")}</p>
      <Failure failure={state.failure} />
      {state.failure === null || state.failure === "clock" ? (
        <p class="muted waiting-dots" role="status">
          {t("door.words.waiting")}
        </p>
      ) : (
        <Code state={{ ...state, failure: null }} door={door} />
      )}
    </>
  )
}

function Locked({ state, door, configuration }: DoorProps & { readonly configuration: Configuration }) {
  const { t } = useWording()
  const [passphrase, setPassphrase] = useState(configuration.isDemonstration ? DEMONSTRATION_PASSPHRASE : "")
  return (
    <Form
      onSubmit={() => {
        void door.unlock({ passphrase })
      }}
    >
      <Title text={t("door.locked")} />
      {state.isIdle && <p>{t("door.locked.idle")}</p>}
      {state.ways.includes("passphrase") && (
        <Field
          label={t("door.passphrase")}
          kind="password"
          value={passphrase}
          onValue={setPassphrase}
          autocomplete="current-password"
        />
      )}
      <Failure failure={state.failure} />
      <div class="row">
        {state.ways.includes("passphrase") && (
          <button type="submit" class="button primary" disabled={state.isBusy}>
            {t("door.unlock")}
          </button>
        )}
        {state.ways.includes("prf") && (
          <button type="button" class="button primary" disabled={state.isBusy} onClick={() => void door.unlock("passkey")}>
            {t("door.unlock.passkey")}
          </button>
        )}
      </div>
      <Erase door={door} />
    </Form>
  )
}

/** Erasing asks first: nothing brings it back. */
function Erase({ door }: { readonly door: Door }) {
  const { t } = useWording()
  return (
    <details class="erase">
      <summary>{t("door.forgotten")}</summary>
      <p>{t("door.erase.text")}</p>
      <button type="button" class="button exit" onClick={() => void door.signOut()}>
        {t("door.erase.go")}
      </button>
    </details>
  )
}
