/** The whole console: the door, or the desk behind it. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks"

import { preferredLanguage, type Language } from "../shared/i18n/catalogue.ts"
import { tellBrowser } from "../shared/i18n/direction.ts"
import { DEMONSTRATION_PASSPHRASE, type Configuration } from "./configuration.ts"
import { Desk } from "./desk/desk.ts"
import { DeskScreen } from "./desk/DeskScreen.tsx"
import { EMPTY_DESK, type DeskState } from "./desk/deskState.ts"
import { Door } from "./door/door.ts"
import { DoorScreen } from "./door/DoorScreen.tsx"
import { AT_THE_DOOR, type DoorState } from "./door/doorState.ts"
import { watchIdle } from "./desk/idle.ts"
import type { Organisation } from "./sdk.ts"
import { WordingContext, wordingOf } from "./words.tsx"

const IDLE_MS = 15 * 60_000

interface AppProps {
  readonly configuration: Configuration
  readonly organisation: Organisation
  readonly invitation: string
}

export function App({ configuration, organisation, invitation }: AppProps) {
  const [doorState, setDoorState] = useState<DoorState>(AT_THE_DOOR)
  const [deskState, setDeskState] = useState<DeskState>(EMPTY_DESK)
  /** Chosen at the door, before it is known what was chosen the last time. */
  const [chosen, setChosen] = useState<Language | null>(null)
  const kept = configuration.languages.find((one) => one === deskState.language)
  const language = kept ?? chosen ?? preferredLanguage(navigator.languages, configuration.languages)
  const choosing = useRef(chosen)
  choosing.current = chosen
  const shown = useRef(language)
  shown.current = language
  const desk = useRef<Desk | null>(null)
  const wording = useMemo(() => wordingOf(language), [language])

  const door = useMemo(
    () =>
      new Door({
        relayUrl: window.location.origin,
        organisation,
        name: `Teduh, ${configuration.organisationName}`,
        givenPassphrase: configuration.isDemonstration ? DEMONSTRATION_PASSPHRASE : null,
        onChange: setDoorState,
        onInside: (staff, store) => {
          desk.current = new Desk(staff, store, setDeskState)
          const preferred = choosing.current === null ? {} : { language: choosing.current }
          // Whoever tries it out shall not have to look for the reason why nobody is there.
          void desk.current.begin(preferred, configuration.isDemonstration ? "available" : "away")
        },
        onOutside: async () => {
          const closing = desk.current
          desk.current = null
          setChosen(shown.current)
          setDeskState(EMPTY_DESK)
          await closing?.close()
        },
      }),
    [],
  )
  useEffect(() => {
    void door.start(invitation)
  }, [])
  useEffect(() => {
    tellBrowser(language)
  }, [language])
  const isInside = doorState.place === "inside"
  useEffect(() => {
    if (!isInside) return undefined
    return watchIdle(
      IDLE_MS,
      () => void door.lock(true),
      () => desk.current?.calls.isTalking === true,
    )
  }, [isInside])

  const choose = (one: Language): void => {
    setChosen(one)
    if (desk.current !== null) void desk.current.prefer({ language: one })
  }
  const erase = async (): Promise<void> => {
    // As long as the relay can be told.
    if (desk.current?.state.isWoken === true) await desk.current.stopWaking()
    await door.signOut()
  }
  const languages = { label: wording.t("language"), offered: configuration.languages, chosen: language, onChoose: choose }
  return (
    <WordingContext.Provider value={wording}>
      {configuration.isDemonstration && (
        <aside class="demonstration" aria-label={wording.t("demonstration.name")}>
          {wording.t("demonstration")}
        </aside>
      )}
      {isInside && desk.current !== null ? (
        <DeskScreen
          state={deskState}
          desk={desk.current}
          languages={languages}
          configuration={configuration}
          onLock={() => void door.lock(false)}
          onErase={() => void erase()}
        />
      ) : (
        <DoorScreen state={doorState} door={door} languages={languages} configuration={configuration} />
      )}
    </WordingContext.Provider>
  )
}
