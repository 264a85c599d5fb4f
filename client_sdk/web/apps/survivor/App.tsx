/** The whole page: its state, and which screen that state is. */

import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState, type MutableRef } from "preact/hooks"

import { preferredLanguage, type Language } from "../shared/i18n/catalogue.ts"
import { tellBrowser } from "../shared/i18n/direction.ts"
import { Languages } from "../shared/parts/Languages.tsx"
import type { CallState } from "../shared/call/place.ts"
import { callPlace, Calls } from "./Calls.tsx"
import { OverCard, ProposalCard, ReloadCard, SearchCard } from "./Cards.tsx"
import { Composer } from "./Composer.tsx"
import type { Configuration } from "./configuration.ts"
import { Header, LinkState, RoomButton, type Panel } from "./Header.tsx"
import { Log } from "./Log.tsx"
import { EmergencyPanel, RoomPanel } from "./Panels.tsx"
import { Session, type Farewell, type Talker } from "./session.ts"
import { SkinScreen } from "./Skins.tsx"
import { INITIAL, reduce, unsentOf, type State } from "./state.ts"
import { Waiting } from "./Waiting.tsx"
import { Welcome } from "./Welcome.tsx"
import { useWording, WordingContext, wordingOf } from "./words.tsx"

interface AppProps {
  readonly configuration: Configuration
  /** Makes the SDK's survivor. */
  readonly open: () => Promise<Talker>
  /** Leaves at once. */
  readonly onExit: () => void
  /** Called once with how to drop every key, for all the ways in which the page can end, and whether the relay is away. */
  readonly onVanish: (vanish: () => Farewell, isCutOff: () => boolean) => void
}

export function App({ configuration, open, onExit, onVanish }: AppProps) {
  const [state, dispatch] = useReducer(reduce, INITIAL)
  const [call, setCall] = useState<CallState>("none")
  const session = useMemo(() => new Session(open, dispatch, Date.now, (conversation) => callPlace(conversation, setCall)), [])
  const [language, setLanguage] = useState<Language>(() => preferredLanguage(navigator.languages, configuration.languages))
  const [isDisguised, setDisguised] = useState(configuration.disguise !== null)
  const wording = useMemo(() => wordingOf(language), [language])
  const isShown = !isDisguised && !state.covered
  const draft = useRef("")

  useEffect(() => {
    onVanish(
      () => {
        draft.current = ""
        return session.vanish()
      },
      () => session.isCutOff,
    )
  }, [])
  useEffect(() => {
    tellBrowser(language)
  }, [language])
  // As soon as it is drawn: effects that may wait for the next picture wait long where none is shown.
  useLayoutEffect(() => {
    session.lookedAt(isShown && state.hiddenSince === null)
  }, [isShown, state.hiddenSince])
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
      {!isShown && (
        <SkinScreen
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
  readonly state: State
  readonly dispatch: Parameters<typeof Welcome>[0]["dispatch"]
  readonly session: Session
  readonly draft: MutableRef<string>
  readonly call: CallState
  /** Whether it is what she sees, rather than a cover. */
  readonly isShown: boolean
  readonly onLanguage: (language: Language) => void
  readonly onExit: () => void
}

function Screens({ configuration, state, dispatch, session, draft, call, isShown, onLanguage, onExit }: ScreensProps) {
  const { language, t } = useWording()
  const [panel, setPanel] = useState<Panel>(null)
  const closePanel = (): void => {
    setPanel(null)
  }
  const ask = (): void => {
    closePanel()
    const { need, preferredGender, region, urgency } = state
    void session.ask({ need, preferredGender, region, urgency: urgency ?? 0, language })
  }
  return (
    <>
      <Header panel={panel} onPanel={setPanel} onExit={onExit}>
        {state.phase === "welcome" && (
          <Languages label={t("language")} offered={configuration.languages} chosen={language} onChoose={onLanguage} />
        )}
        {state.phase === "waiting" && <LinkState link={state.link} />}
        {state.phase === "talking" && (
          <RoomButton
            people={state.people}
            link={state.link}
            unreachable={state.unreachable}
            panel={panel}
            onPanel={setPanel}
          />
        )}
      </Header>
      {panel === "emergency" && <EmergencyPanel numbers={configuration.emergencyNumbers} onClose={closePanel} />}
      {panel === "room" && state.phase === "talking" && (
        <RoomPanel
          people={state.people}
          organisation={configuration.organisationName}
          onClose={closePanel}
          onEnd={() => {
            closePanel()
            void session.end()
          }}
        />
      )}
      {state.phase === "welcome" ? (
        <Welcome configuration={configuration} state={state} dispatch={dispatch} onStart={ask} />
      ) : state.phase === "over" ? (
        <Over
          configuration={configuration}
          state={state}
          isShown={isShown}
          goesBack={session.goesBack}
          onAgain={(toAnybody) => {
            if (toAnybody) session.goOnWithAnybody()
            draft.current = [unsentOf(state), draft.current].filter((words) => words !== "").join("\n")
            dispatch({ type: "again" })
          }}
        />
      ) : (
        <Talk
          configuration={configuration}
          state={state}
          session={session}
          draft={draft}
          call={call}
          isShown={isShown}
          onStop={() => {
            void session.end()
            dispatch({ type: "again" })
          }}
        />
      )}
    </>
  )
}

interface TalkProps extends Pick<ScreensProps, "configuration" | "state" | "session" | "draft" | "call" | "isShown"> {
  readonly onStop: () => void
}

function Talk({ configuration, state, session, draft, call, isShown, onStop }: TalkProps) {
  const { t } = useWording()
  const [isReloading, setReloading] = useReloadKeys(isShown)
  const [isStartingCall, setStartingCall] = useState(false)
  const proposal = state.proposals[0]
  return (
    <main class="talk">
      {state.phase === "talking" && <h1 class="spoken">{t("log.title")}</h1>}
      <Calls
        call={call}
        session={session}
        isStarting={isStartingCall}
        onDone={() => {
          setStartingCall(false)
        }}
      />
      <Log state={state}>
        {state.phase === "waiting" && (
          <Waiting
            configuration={configuration}
            sightings={state.sightings}
            prospect={state.prospect}
            hindrance={state.hindrance}
            isPaying={state.isPaying}
            isInDanger={state.urgency === 2}
            hasWritten={state.items.length > 0}
            onStop={onStop}
          />
        )}
      </Log>
      {state.unconfirmed.length > 0 && (
        <p class="card care" role="alert">
          {t("unconfirmed", { names: state.unconfirmed.join(", ") })}
        </p>
      )}
      {isReloading && (
        <ReloadCard
          onStay={() => {
            setReloading(false)
          }}
        />
      )}
      {proposal !== undefined && (
        <ProposalCard
          key={proposal.id}
          proposal={proposal}
          onAnswer={(id, accepted) => {
            session.answer(id, accepted)
          }}
        />
      )}
      {state.search !== null && (
        <SearchCard
          search={state.search}
          before={state.people[0]?.name ?? null}
          sightings={state.sightings}
          prospect={state.prospect}
          onSeek={(isSeeking) => {
            session.seek(isSeeking)
          }}
          onAnswer={(accepted) => {
            session.answerFound(accepted)
          }}
        />
      )}
      <Composer
        draft={draft}
        onSay={(text) => {
          session.say(text)
        }}
        onTyping={(active) => {
          session.typing(active)
        }}
        onCall={
          state.people.length === 0
            ? null
            : () => {
                setStartingCall(true)
                session.prepareCall()
              }
        }
      />
    </main>
  )
}

interface OverProps extends Pick<ScreensProps, "configuration" | "state" | "isShown"> {
  /** Whether whoever was with her would be asked first. */
  readonly goesBack: boolean
  readonly onAgain: (toAnybody: boolean) => void
}

function Over({ configuration, state, isShown, goesBack, onAgain }: OverProps) {
  const { t } = useWording()
  useReloadKeys(isShown, false)
  return (
    <main class="talk">
      <Log state={state} />
      <OverCard state={state} numbers={configuration.emergencyNumbers} goesBack={goesBack} />
      <div class="foot">
        <button
          type="button"
          class="button primary wide"
          onClick={() => {
            onAgain(false)
          }}
        >
          {t("over.again")}
        </button>
        {goesBack && (
          <button
            type="button"
            class="button wide"
            onClick={() => {
              onAgain(true)
            }}
          >
            {t("over.other")}
          </button>
        )}
      </div>
    </main>
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

/**
 * The keys for reloading ask first, where there is something to lose, and a second press reloads once the question was to
 * be seen. A key that is held down is pressed once, and behind a cover they do nothing: no question can be seen there, and
 * a page that is loaded anew would show what the cover hides. Closing the tab does not ask: the browser's own question would
 * stand in her way when she has to be quick.
 */
function useReloadKeys(isShown: boolean, asks = true): [boolean, (isReloading: boolean) => void] {
  const [isReloading, setReloading] = useState(false)
  // As soon as the cover is drawn: an effect that waits for the next picture would come after a key.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const isReload = event.key === "F5" || ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "r")
      if (!isReload || (isShown && (!asks || (isReloading && !event.repeat)))) return
      event.preventDefault()
      if (isShown) setReloading(true)
    }
    window.addEventListener("keydown", onKey)
    return () => {
      window.removeEventListener("keydown", onKey)
    }
  }, [isShown, asks, isReloading])
  return [isReloading, setReloading]
}
