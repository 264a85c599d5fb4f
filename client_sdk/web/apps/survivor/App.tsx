/**
 * The whole page: its state, and which screen that state is.
 *
 *     first screen ──────────────> there from the first bytes of the document on
 *         └── she asks ── waits for `rest` ──> waiting, talking, over
 */

import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState, type MutableRef } from "preact/hooks"

import { preferredLanguage, type Language } from "../shared/i18n/catalogue.ts"
import { tellBrowser } from "../shared/i18n/direction.ts"
import { Languages } from "../shared/parts/Languages.tsx"
import type { CallState } from "../shared/call/place.ts"
import type { Configuration, ExitPlace } from "./configuration.ts"
import type { Begun } from "./early.ts"
import { INITIAL, reduceFirst } from "./firstState.ts"
import { Header, type Panel } from "./Header.tsx"
import { EmergencyPanel } from "./Panels.tsx"
import type { LeaveBeacon, Session } from "./session.ts"
import type { State } from "./stateTypes.ts"
import { Welcome } from "./Welcome.tsx"
import { useFirstWording, WordingContext, wordingOf } from "./words.tsx"

/** What comes behind the first screen. */
export type Rest = typeof import("./rest.ts")

interface AppProps {
  readonly configuration: Configuration
  /** Null while it is on its way. */
  readonly rest: Rest | null
  readonly begun: Begun
  /** Leaves at once. */
  readonly onExit: () => void
  /** Called once with how to drop every key, for all the ways in which the page can end, and whether the relay is away. */
  readonly onVanish: (vanish: () => LeaveBeacon, isCutOff: () => boolean) => void
}

export function App({ configuration, rest, begun, onExit, onVanish }: AppProps) {
  const [state, dispatch] = useReducer(rest?.reduce ?? reduceFirst, INITIAL)
  const [call, setCall] = useState<CallState>("none")
  const session = useMemo(() => rest?.newSession(configuration, dispatch, setCall) ?? null, [rest])
  const [language, setLanguage] = useState<Language>(() => preferredLanguage(navigator.languages, configuration.languages))
  const [isDisguised, setDisguised] = useState(configuration.disguise !== null)
  const wording = useMemo(() => wordingOf(language), [language])
  const isShown = !isDisguised && !state.covered
  const draft = useRef("")

  useLayoutEffect(() => {
    if (session === null) return
    onVanish(
      () => {
        draft.current = ""
        return session.vanish()
      },
      () => session.isCutOff,
    )
  }, [session])
  useEffect(() => {
    tellBrowser(language)
  }, [language])
  // As soon as it is drawn: effects that may wait for the next picture wait long where none is shown.
  useLayoutEffect(() => {
    session?.lookedAt(isShown && state.hiddenSince === null)
  }, [session, isShown, state.hiddenSince])
  const running = useRef(call)
  running.current = call
  useVisibility(dispatch, configuration, () => {
    // Whoever closes it does not think that somebody still hears the room. What rings goes on ringing.
    if (typeof running.current === "string") return
    const { call: here } = running.current
    const { phase } = here.view
    if (phase !== "idle" && phase !== "ringing") here.hangUp()
    here.stopTrying()
  })
  // Behind a cover there is no sign that anything is on, so nothing of hers is heard or seen; what she hears goes on.
  useLayoutEffect(() => {
    if (isShown || typeof running.current === "string") return
    const { call: here } = running.current
    here.mute(true)
    here.cameraOff()
    here.stopTrying()
  }, [isShown])
  useAnnouncedHeadings(state.phase)

  return (
    <WordingContext.Provider value={wording}>
      {!isShown && rest !== null && (
        <rest.SkinScreen
          skin={isDisguised ? (configuration.disguise?.skin ?? "plain") : configuration.cover.skin}
          press={configuration.disguise?.press ?? "picture"}
          onPress={() => {
            setDisguised(false)
            dispatch({ type: "uncovered" })
          }}
          onExit={onExit}
        />
      )}
      {/* Hidden, not taken away, while it is covered: what she was writing is only in the field. */}
      <div class={state.hiddenSince === null ? "app" : "app veiled"} hidden={!isShown}>
        {!isDisguised && (
          <Screens
            configuration={configuration}
            rest={rest}
            begun={begun}
            state={state}
            dispatch={dispatch}
            session={session}
            draft={draft}
            call={call}
            isShown={isShown}
            onLanguage={setLanguage}
            onExit={onExit}
          />
        )}
      </div>
    </WordingContext.Provider>
  )
}

interface ScreensProps {
  readonly configuration: Configuration
  readonly rest: Rest | null
  readonly begun: Begun
  readonly state: State
  readonly dispatch: Parameters<typeof Welcome>[0]["dispatch"]
  readonly session: Session | null
  readonly draft: MutableRef<string>
  readonly call: CallState
  /** Whether it is what she sees, rather than a cover. */
  readonly isShown: boolean
  readonly onLanguage: (language: Language) => void
  readonly onExit: () => void
}

function Screens(props: ScreensProps) {
  const { configuration, rest, begun, state, dispatch, session, draft, call, isShown, onLanguage, onExit } = props
  const { language, t } = useFirstWording()
  const [exitPlace, setExitPlace] = useState<ExitPlace>(configuration.exitPlace)
  const [panel, setPanel] = useState<Panel>(begun.isEmergencyOpen ? "emergency" : null)
  const [hasAsked, setAsked] = useState(begun.hasAsked)
  const closePanel = (): void => {
    setPanel(null)
  }
  // Her tap is kept until there is what can ask, and what has just come is drawn.
  useEffect(() => {
    if (!hasAsked || session === null) return
    setAsked(false)
    closePanel()
    const { need, preferredGender, region, urgency } = state
    void session.ask({ need, preferredGender, region, urgency, language })
  }, [hasAsked, session])
  return (
    <>
      <Header panel={panel} onPanel={setPanel} exitPlace={exitPlace} onExit={onExit}>
        {state.phase === "welcome" && (
          <Languages label={t("language")} offered={configuration.languages} chosen={language} onChoose={onLanguage} />
        )}
        {rest !== null && <rest.MemberState state={state} panel={panel} onPanel={setPanel} />}
        {rest !== null && <rest.Presses />}
      </Header>
      {panel === "emergency" && <EmergencyPanel numbers={configuration.emergencyNumbers} onClose={closePanel} />}
      {panel === "services" && rest !== null && <rest.ServicesPanel configuration={configuration} onClose={closePanel} />}
      {state.phase === "welcome" ? (
        <Welcome
          configuration={configuration}
          state={state}
          dispatch={dispatch}
          isComing={hasAsked}
          onStart={() => {
            setAsked(true)
          }}
        >
          {rest !== null && <rest.WhoElse configuration={configuration} panel={panel} onPanel={setPanel} />}
          {rest !== null && <rest.ExitPlaceChoice place={exitPlace} onPlace={setExitPlace} />}
        </Welcome>
      ) : (
        rest !== null &&
        session !== null && (
          <rest.Behind
            configuration={configuration}
            state={state}
            dispatch={dispatch}
            session={session}
            draft={draft}
            call={call}
            isShown={isShown}
            panel={panel}
            onPanel={setPanel}
            onClosePanel={closePanel}
            exitPlace={exitPlace}
            onExitPlace={setExitPlace}
          />
        )
      )}
    </>
  )
}

/**
 * Covers the page when it comes back after it was away for long: its tab behind another one, or its frame closed by the
 * page around it, which alone knows of that and says so as soon as it hears that the page is ready.
 */
function useVisibility(
  dispatch: ScreensProps["dispatch"],
  { cover, disguise }: Configuration,
  onClosed: () => void,
): void {
  useLayoutEffect(() => {
    let isClosed = false
    let wasAway = false
    const look = (): void => {
      const isAway = isClosed || document.visibilityState === "hidden"
      if (isAway === wasAway) return
      wasAway = isAway
      const at = Date.now()
      if (isAway) dispatch({ type: "hidden", at })
      else dispatch({ type: "seen", at, coverAfterMs: cover.afterSeconds * 1000, isDisguised: disguise !== null })
    }
    const onMessage = ({ source, data }: MessageEvent<unknown>): void => {
      if (window.parent === window || source !== window.parent) return
      if (typeof data !== "object" || data === null || !("teduh" in data)) return
      if (data.teduh === "closed") {
        isClosed = true
        onClosed()
      }
      if (data.teduh === "opened") isClosed = false
      look()
    }
    document.addEventListener("visibilitychange", look)
    window.addEventListener("message", onMessage)
    return () => {
      document.removeEventListener("visibilitychange", look)
      window.removeEventListener("message", onMessage)
    }
  }, [])
}

/**
 * A new screen's headline is focused, so that it is read aloud and the keyboard begins there. Before the screen can be
 * seen: whoever begins to write as soon as it is there keeps the keyboard.
 */
function useAnnouncedHeadings(phase: State["phase"]): void {
  const isFirst = useRef(true)
  useLayoutEffect(() => {
    if (!isFirst.current) document.querySelector<HTMLElement>("[data-announce]")?.focus({ preventScroll: true })
    isFirst.current = false
  }, [phase])
}
