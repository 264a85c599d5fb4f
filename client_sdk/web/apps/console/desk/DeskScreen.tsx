/** The desk: who waits, the conversations, the one that is shown, and what is known of it. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks"

import { wholeDate } from "../../shared/i18n/dates.ts"
import { roleName } from "../../shared/i18n/roleNames.ts"
import { Icon } from "../../shared/parts/Icon.tsx"
import { Languages, type LanguagesProps } from "../../shared/parts/Languages.tsx"
import { titleFor, Tone } from "./alerts.ts"
import type { Configuration } from "../configuration.ts"
import type { Desk } from "./desk.ts"
import { neighbour, wantsAttention, type DeskState, type Talk } from "./deskState.ts"
import type { DeskProps } from "./deskProps.ts"
import { Details } from "../talk/Details.tsx"
import { useScreens } from "../screens.ts"
import { EraseDialog, KeysDialog, NotesDialog } from "./DeskDialogs.tsx"
import { onDeskKeys } from "./keys.ts"
import { SearchField, SearchResults } from "./Search.tsx"
import { Side } from "./Side.tsx"
import { GoingCalls, Ringing } from "../talk/TalkCalls.tsx"
import { scrollToMessage, TalkView } from "../talk/TalkView.tsx"
import { useWording } from "../words.tsx"

type Overlay = "keys" | "notes" | "erase" | null

interface ScreenProps extends DeskProps {
  readonly languages: LanguagesProps
  readonly configuration: Configuration
  readonly onLock: () => void
  readonly onErase: () => void
}

export function DeskScreen({ state, desk, languages, configuration, onLock, onErase }: ScreenProps) {
  const { language, t } = useWording()
  const [query, setQuery] = useState("")
  const [overlay, setOverlay] = useState<Overlay>(null)
  const [hasDetails, setDetails] = useState(() => matchMedia("(min-width: 72rem)").matches)
  const [hasMenu, setMenu] = useState(false)
  const isSearching = query.trim() !== ""
  const talk = isSearching ? undefined : state.talks.find(({ id }) => id === state.shown)
  const close = (): void => {
    setOverlay(null)
  }
  const { isPhone, screen } = useScreens(isSearching, talk, hasDetails)
  // Where a window becomes as small as a phone, the conversation stays in sight with what was asked there.
  useEffect(() => {
    if (isPhone) setDetails(false)
  }, [isPhone])
  const show = (id: string | null): void => {
    setQuery("")
    // What is there first of a conversation is what was said in it.
    if (isPhone) setDetails(false)
    desk.show(id)
  }
  const isTalkInSight = !isPhone || screen === "talk"
  const inSight = isTalkInSight ? talk?.id : undefined
  useLooking(desk, isSearching || !isTalkInSight)
  useAlerts(state)
  useKeys(state, desk, {
    onShow: show,
    onLock,
    onDetails: () => {
      setDetails(true)
    },
  })
  return (
    <div class={`desk on-${screen}${hasDetails && talk !== undefined ? " with-details" : ""}`}>
      <header class="top">
        <h1 class="spoken">{t("console")}</h1>
        <p class="who">
          <strong>{state.me?.name}</strong> <span class="muted">{`${roleName(t, state.me?.role ?? "")}, ${configuration.organisationName}`}</span>
        </p>
        <span class={state.isConnected ? "link connected" : "link reconnecting"} role="status">
          {t(state.isConnected ? "link.connected" : "link.reconnecting")}
        </span>
        <SearchField value={query} onValue={setQuery} />
        <button
          type="button"
          class="button quiet menu"
          aria-expanded={hasMenu}
          onClick={() => {
            setMenu(!hasMenu)
          }}
        >
          {t("menu.open")}
        </button>
        <div class={hasMenu ? "tools open" : "tools"}>
          <button
            type="button"
            class="button quiet"
            aria-pressed={state.hasSound}
            onClick={() => void desk.prefer({ hasSound: !state.hasSound })}
          >
            {t("menu.sound")}
          </button>
          <MenuButton name="notes" text={t("menu.notes")} onPress={() => { setOverlay("notes") }} />
          <MenuButton name="keys" text={t("menu.keys")} onPress={() => { setOverlay("keys") }} />
          <Languages {...languages} />
        </div>
        <button type="button" class="button lock" onClick={onLock}>
          {t("menu.lock")}
        </button>
      </header>
      <Side state={state} desk={desk} configuration={configuration} onShow={show} onErase={() => { setOverlay("erase") }} />
      <main class="stage">
        <Ringing calls={desk.calls} talks={state.talks} shown={inSight} hasSound={state.hasSound} onShow={show} />
        <GoingCalls calls={desk.calls} talks={state.talks} shown={inSight} onShow={show} />
        {isPhone && screen !== "list" && <InList state={state} onShow={() => { show(null) }} />}
        {state.isRefused && (
          <p class="card care" role="alert">
            {state.notYet === null
              ? t("refused.text")
              : t("refused.notYet", {
                  begins: wholeDate(language, state.notYet.begins * 1000),
                  time: wholeDate(language, state.notYet.relayTime * 1000),
                })}
          </p>
        )}
        {state.verificationBlocked !== null && (
          <p class="card care" role="alert">
            {state.verificationBlocked === "clock" ? t("verificationBlocked.clock", { time: wholeDate(language, Date.now()) }) : t("verificationBlocked.list")}
          </p>
        )}
        {isSearching ? (
          <SearchResults
            talks={state.talks}
            query={query}
            onShow={(id, message) => {
              show(id)
              // The conversation has to be there first, and goes to its end by itself.
              requestAnimationFrame(() => {
                scrollToMessage(message)
              })
            }}
          />
        ) : talk === undefined ? (
          <Nothing />
        ) : (
          <TalkView
            key={talk.id}
            talk={talk}
            state={state}
            desk={desk}
            configuration={configuration}
            hasDetails={hasDetails}
            onDetails={() => {
              setDetails(!hasDetails)
            }}
            onBack={
              isPhone
                ? () => {
                    show(null)
                  }
                : null
            }
          />
        )}
      </main>
      {hasDetails && talk !== undefined && (
        <Details
          key={talk.id}
          talk={talk}
          desk={desk}
          me={state.me}
          hasBack={isPhone}
          onClose={() => {
            setDetails(false)
          }}
        />
      )}
      {overlay === "keys" && <KeysDialog onClose={close} />}
      {overlay === "notes" && <NotesDialog state={state} desk={desk} onClose={close} />}
      {overlay === "erase" && <EraseDialog onClose={close} onErase={onErase} />}
    </div>
  )
}

/** On a phone the list is out of sight: what in it does not wait long is told over the conversation. */
function InList({ state, onShow }: { readonly state: DeskState; readonly onShow: () => void }) {
  const { t } = useWording()
  const count = state.offers.length + state.invitations.length + state.asking.length
  if (count === 0) return null
  return (
    <div class="card care in-list" role="alert">
      <p>{state.offers.length > 0 ? t("queue.offered") : t("list.wants", { count })}</p>
      <button type="button" class="button" onClick={onShow}>
        {t("list.show")}
      </button>
    </div>
  )
}

interface MenuButtonProps {
  readonly name: "keys" | "notes"
  readonly text: string
  readonly onPress: () => void
}

function MenuButton({ name, text, onPress }: MenuButtonProps) {
  return (
    <button type="button" class="button quiet" data-menu={name} onClick={onPress}>
      {text}
    </button>
  )
}

function Nothing() {
  const { t } = useWording()
  return (
    <div class="nothing muted">
      <Icon name="verified" />
      <p>{t("talk.choose")}</p>
    </div>
  )
}

/** Messages are read only while the page is in front, and nothing in front of them. */
function useLooking(desk: Desk, isSearching: boolean): void {
  useEffect(() => {
    const look = (): void => {
      desk.lookedAt(!isSearching && document.visibilityState === "visible" && document.hasFocus())
    }
    look()
    document.addEventListener("visibilitychange", look)
    window.addEventListener("focus", look)
    window.addEventListener("blur", look)
    return () => {
      document.removeEventListener("visibilitychange", look)
      window.removeEventListener("focus", look)
      window.removeEventListener("blur", look)
    }
  }, [desk, isSearching])
}

/** The title counts what waits; a tone says that it has become more. */
function useAlerts(state: DeskState): void {
  const { hasSound } = state
  const tone = useMemo(() => new Tone(), [])
  const count = wantsAttention(state)
  const before = useRef(count)
  useEffect(() => {
    document.title = titleFor(count)
    if (hasSound && count > before.current) tone.play()
    before.current = count
    return () => {
      document.title = titleFor(0)
    }
  }, [count, hasSound])
}

interface KeyedScreen {
  readonly onShow: (id: string | null) => void
  readonly onLock: () => void
  readonly onDetails: () => void
}

function useKeys(state: DeskState, desk: Desk, { onShow, onLock, onDetails }: KeyedScreen): void {
  const latest = useRef(state)
  latest.current = state
  useEffect(() => {
    const focus = (selector: string): boolean => {
      const found = document.querySelector<HTMLElement>(selector)
      found?.focus()
      return found !== null
    }
    const show = (talk: Talk | undefined): void => {
      if (talk !== undefined) onShow(talk.id)
    }
    return onDeskKeys({
      next: () => {
        onShow(neighbour(latest.current, 1))
      },
      previous: () => {
        onShow(neighbour(latest.current, -1))
      },
      number: (place) => {
        show(latest.current.talks.find((talk) => talk.number === place))
      },
      accept: () => {
        const { makesOffers, offers, waiting } = latest.current
        if (offers.length > 0 || (waiting > 0 && !makesOffers)) void desk.accept()
      },
      search: () => {
        focus("[data-search]")
      },
      replies: () => {
        document.querySelector<HTMLElement>("[data-replies]")?.click()
      },
      note: () => {
        // At once, if it is there: what is typed next must not go to the field for messages.
        if (focus("[data-note]")) return
        onDetails()
        // Behind the drawing of it, which is the microtask before, and in front of the next key.
        queueMicrotask(() => {
          focus("[data-note]")
        })
      },
      lock: onLock,
    })
  }, [desk])
}
