/** The screens behind the first one: waiting and talking, and what is shown when it is over. */

import type { ComponentChildren } from "preact"
import { useEffect, useLayoutEffect, useState, type MutableRef } from "preact/hooks"

import type { CallState } from "../shared/call/place.ts"
import { useBack } from "./back.ts"
import { Calls } from "./Calls.tsx"
import { BackCard, OverCard, ProposalCard, ReloadCard, ReassignmentCard } from "./Cards.tsx"
import { Composer } from "./Composer.tsx"
import type { Configuration, ExitPlace } from "./configuration.ts"
import { ExitPlaceChoice } from "./ExitPlaceChoice.tsx"
import type { Panel } from "./Header.tsx"
import { Log } from "./Log.tsx"
import { RoomPanel } from "./Room.tsx"
import type { Session } from "./session.ts"
import { unsentOf } from "./state.ts"
import type { Action, State } from "./stateTypes.ts"
import { Waiting } from "./Waiting.tsx"
import { fetchServices, WhoElse } from "./WhoElse.tsx"
import { useWording } from "./words.tsx"

interface BehindProps {
  readonly configuration: Configuration
  readonly state: State
  readonly dispatch: (action: Action) => void
  readonly session: Session
  readonly draft: MutableRef<string>
  readonly call: CallState
  /** Whether it is what she sees, rather than a cover. */
  readonly isShown: boolean
  readonly panel: Panel
  readonly onPanel: (panel: Panel) => void
  readonly onClosePanel: () => void
  readonly exitPlace: ExitPlace
  readonly onExitPlace: (place: ExitPlace) => void
}

/** Which of them that state is, and the panel of the room. */
export function Behind({ panel, onPanel, onClosePanel, exitPlace, onExitPlace, ...props }: BehindProps) {
  const { configuration, state, dispatch, session, draft } = props
  const whoElse = <WhoElse configuration={configuration} panel={panel} onPanel={onPanel} />
  useEffect(() => {
    // While she waits there is time. If it fails she is told when she opens it, and it is tried again.
    if (state.phase === "waiting" && configuration.hasDirectory) fetchServices(configuration).catch(() => undefined)
  }, [state.phase])
  return (
    <>
      {panel === "room" && state.phase === "talking" && (
        <RoomPanel
          people={state.people}
          organisation={configuration.organisationName}
          onClose={onClosePanel}
          onEnd={() => {
            onClosePanel()
            void session.end()
          }}
        >
          <ExitPlaceChoice place={exitPlace} onPlace={onExitPlace} />
        </RoomPanel>
      )}
      {state.phase === "over" ? (
        <Over
          {...props}
          whoElse={whoElse}
          goesBack={session.goesBack}
          onAgain={(toAnybody) => {
            if (toAnybody) session.goOnWithAnybody()
            draft.current = [unsentOf(state), draft.current].filter((words) => words !== "").join("\n")
            dispatch({ type: "again" })
          }}
        />
      ) : (
        <Talk
          {...props}
          whoElse={whoElse}
          onStop={() => {
            void session.end()
            dispatch({ type: "again" })
          }}
        />
      )}
    </>
  )
}

interface TalkProps extends Omit<BehindProps, "dispatch" | "panel" | "onPanel" | "onClosePanel" | "exitPlace" | "onExitPlace"> {
  readonly whoElse: ComponentChildren
  readonly onStop: () => void
}

function Talk({ configuration, state, session, draft, call, isShown, whoElse, onStop }: TalkProps) {
  const { t } = useWording()
  const [isReloading, setReloading] = useReloadKeys(isShown)
  const [isGoingBack, setGoingBack] = useBack(isShown)
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
            verificationBlocked={state.verificationBlocked}
            isPaying={state.isPaying}
            isInDanger={state.urgency === 2}
            hasWritten={state.items.length > 0}
            onStop={onStop}
          >
            {whoElse}
          </Waiting>
        )}
      </Log>
      {state.unconfirmed.length > 0 && (
        <p class="card care" role="alert">
          {t("unconfirmed", { names: state.unconfirmed.join(", ") })}
        </p>
      )}
      {isGoingBack && (
        <BackCard
          onStay={() => {
            setGoingBack(false)
          }}
        />
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
      {state.reassignment !== null && (
        <ReassignmentCard
          reassignment={state.reassignment}
          before={state.people[0]?.name ?? null}
          sightings={state.sightings}
          prospect={state.prospect}
          onRequest={(isRequested) => {
            session.reassign(isRequested)
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

interface OverProps extends Pick<BehindProps, "configuration" | "state" | "isShown"> {
  readonly whoElse: ComponentChildren
  /** Whether whoever was with her would be asked first. */
  readonly goesBack: boolean
  readonly onAgain: (toAnybody: boolean) => void
}

function Over({ configuration, state, isShown, whoElse, goesBack, onAgain }: OverProps) {
  const { t } = useWording()
  useReloadKeys(isShown, false)
  return (
    <main class="talk">
      <Log state={state} />
      <OverCard state={state} numbers={configuration.emergencyNumbers} goesBack={goesBack}>
        {whoElse}
      </OverCard>
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
