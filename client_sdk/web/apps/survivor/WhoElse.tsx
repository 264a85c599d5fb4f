/**
 * Who else can help: the way there from the first screen, while she waits and when it is over.
 *
 *     page opened with a directory ──> the button stands
 *     she waits, or opens it ──> serviceList.tsx and the directory are fetched, once ──> she searches, and nobody is asked
 *
 * What is fetched does not depend on what she looks for, and most of it comes while she waits.
 */

import type { ComponentChildren } from "preact"
import { useEffect, useState } from "preact/hooks"

import { Icon } from "../shared/parts/Icon.tsx"
import { Select } from "../shared/parts/Select.tsx"
import type { Configuration } from "./configuration.ts"
import type { Panel } from "./Header.tsx"
import { EmergencyNumbers, PanelCard } from "./Panels.tsx"
import { readOrganisation, type Directory } from "./sdk.ts"
import type { ServiceReference } from "./stateTypes.ts"
import { useWording } from "./words.tsx"

type List = typeof import("./serviceList.tsx")

interface Fetched {
  readonly list: List
  readonly directory: Directory
}

/** Of this page, for as long as it lives; what could not be fetched is fetched anew. */
let fetched: Promise<Fetched> | null = null

/** Fetches what the panel shows, once. */
export function fetchServices({ organisation }: Configuration): Promise<Fetched> {
  fetched ??= (async () => {
    const list = await import("./serviceList.tsx")
    return { list, directory: await list.Directory.fetch(window.location.origin, readOrganisation(organisation)) }
  })().catch((error: unknown) => {
    fetched = null
    throw error
  })
  return fetched
}

interface WhoElseProps {
  readonly configuration: Configuration
  readonly panel: Panel
  readonly onPanel: (panel: Panel) => void
}

/** The button; nothing where the organisation has no directory. */
export function WhoElse({ configuration, panel, onPanel }: WhoElseProps) {
  const { t } = useWording()
  if (!configuration.hasDirectory) return null
  return (
    <button
      type="button"
      class="button"
      aria-expanded={panel === "services"}
      aria-controls="services"
      onClick={() => {
        onPanel("services")
      }}
    >
      {t("services")}
    </button>
  )
}

interface ReferredProps {
  readonly service: ServiceReference
  /** What staff said of it, in words. */
  readonly children: ComponentChildren
}

/**
 * A service of which staff told her: as the organisation's signed directory has it. Without that, or with an older one, it is
 * the words of staff. Nothing is fetched for it, or the relay would learn that it came.
 */
export function Referred({ service, children }: ReferredProps) {
  const { language } = useWording()
  const [shown, setShown] = useState<Fetched | null>(null)
  useEffect(() => {
    fetched?.then(setShown, () => undefined)
  }, [])
  const isNewEnough = shown !== null && shown.directory.version >= service.version
  const found = isNewEnough ? shown.directory.search().find((one) => one.service.id === service.id) : undefined
  if (shown === null || found === undefined) return <>{children}</>
  return <shown.list.ReferredService parts={{ Icon, Select }} found={found} language={language} />
}

interface ServicesPanelProps {
  readonly configuration: Configuration
  readonly onClose: () => void
}

export function ServicesPanel({ configuration, onClose }: ServicesPanelProps) {
  const { language, t } = useWording()
  const [shown, setShown] = useState<Fetched | "loading" | "failed">("loading")
  const [tries, setTries] = useState(0)
  useEffect(() => {
    let isOpen = true
    const show = (what: Fetched | "failed"): void => {
      if (isOpen) setShown(what)
    }
    setShown("loading")
    fetchServices(configuration).then(show, () => {
      show("failed")
    })
    return () => {
      isOpen = false
    }
  }, [tries])
  return (
    <PanelCard id="services" title={t("services")} onClose={onClose}>
      {shown === "loading" && <p role="status">{t("services.loading")}</p>}
      {shown === "failed" && (
        <>
          <p role="alert">{t("services.failed")}</p>
          <EmergencyNumbers numbers={configuration.emergencyNumbers} />
          <button
            type="button"
            class="button"
            onClick={() => {
              setTries(tries + 1)
            }}
          >
            {t("services.again")}
          </button>
        </>
      )}
      {typeof shown !== "string" && <shown.list.ServiceList parts={{ Icon, Select }} directory={shown.directory} language={language} />}
    </PanelCard>
  )
}
