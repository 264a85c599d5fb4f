/** A service of the directory for the person in a conversation: searched on this device, so that nobody learns for what. */

import { useEffect, useMemo, useState } from "preact/hooks"

import { translator, type Language } from "../../shared/i18n/catalogue.ts"
import { shownTexts } from "../../shared/i18n/direction.ts"
import { serviceTexts } from "../../shared/i18n/serviceTexts.ts"
import { Select } from "../../shared/parts/Select.tsx"
import { WRITING_SERVICES_OFF } from "../../shared/parts/writing.ts"
import { choicesOf, day } from "../../shared/services.ts"
import { Dialog } from "../Dialog.tsx"
import { Directory, readOrganisation, type Found } from "../sdk.ts"
import type { TalkDialogProps } from "./TalkDialogs.tsx"
import { useWording } from "../words.tsx"

const texts = shownTexts(serviceTexts)
const MOST_SHOWN = 30

interface ReferDialogProps extends TalkDialogProps {
  /** As `readOrganisation` of the SDK takes it. */
  readonly organisation: unknown
}

export function ReferDialog({ talk, desk, organisation, onClose }: ReferDialogProps) {
  const { language, t } = useWording()
  const [directory, setDirectory] = useState<Directory | "loading" | "failed">("loading")
  const [tries, setTries] = useState(0)
  const [hasFailed, setFailed] = useState(false)
  useEffect(() => {
    setDirectory("loading")
    Directory.fetch(window.location.origin, readOrganisation(organisation)).then(setDirectory, () => {
      setDirectory("failed")
    })
  }, [tries])
  const send = (found: Found): void => {
    if (typeof directory === "string") return
    desk.refer(talk.id, directory.referralTo(found.service)).then(onClose, () => {
      setFailed(true)
    })
  }
  return (
    <Dialog title={t("refer.title")} onClose={onClose}>
      <p>{t("refer.about")}</p>
      {hasFailed && (
        <p class="card care" role="alert">
          {t("refer.unsent")}
        </p>
      )}
      {directory === "loading" && <p role="status">{t("refer.loading")}</p>}
      {directory === "failed" && (
        <>
          <p class="card care" role="alert">
            {t("refer.failed")}
          </p>
          <button
            type="button"
            class="button"
            onClick={() => {
              setTries(tries + 1)
            }}
          >
            {t("refer.again")}
          </button>
        </>
      )}
      {typeof directory !== "string" && <Services directory={directory} language={language} onSend={send} />}
    </Dialog>
  )
}

interface ServicesProps {
  readonly directory: Directory
  readonly language: Language
  readonly onSend: (found: Found) => void
}

function Services({ directory, language, onSend }: ServicesProps) {
  const { t } = useWording()
  const services = translator(texts, language)
  const [need, setNeed] = useState<string | null>(null)
  const [region, setRegion] = useState<string | null>(null)
  const [spoken, setSpoken] = useState<string | null>(null)
  const [sought, setSought] = useState("")
  const choices = useMemo(() => choicesOf(directory, language), [directory, language])
  const named = sought.trim().toLocaleLowerCase(language)
  const found = directory
    .search({ need, region, language: spoken })
    .filter(({ service }) => namesOf(service).some((name) => name.toLocaleLowerCase(language).includes(named)))
  return (
    <>
      <label class="field">
        <span>{t("refer.sought")}</span>
        <input
          type="text"
          dir="auto"
          value={sought}
          {...WRITING_SERVICES_OFF}
          onInput={({ currentTarget }) => {
            setSought(currentTarget.value)
          }}
        />
      </label>
      <Select
        label={t("invite.need")}
        none={services("any")}
        options={choices.needs.map((value) => ({ value, text: services(`need.${value}`) }))}
        chosen={need}
        onChoose={setNeed}
      />
      {choices.regions.length > 1 && (
        <Select label={services("region")} none={services("any")} options={choices.regions} chosen={region} onChoose={setRegion} />
      )}
      {choices.languages.length > 1 && (
        <Select label={services("language")} none={services("any")} options={choices.languages} chosen={spoken} onChoose={setSpoken} />
      )}
      <p role="status">
        {found.length === 0 ? t("refer.none") : found.length > MOST_SHOWN ? t("refer.more", { count: MOST_SHOWN }) : ""}
      </p>
      <ul class="services">
        {found.slice(0, MOST_SHOWN).map((one) => (
          <Card key={one.service.id} found={one} language={language} onSend={onSend} />
        ))}
      </ul>
    </>
  )
}

interface CardProps extends Omit<ServicesProps, "directory"> {
  readonly found: Found
}

function Card({ found, language, onSend }: CardProps) {
  const { t } = useWording()
  const services = translator(texts, language)
  const { service, isOpen, lastChecked } = found
  const { phones, additionalUrls, email, url } = service
  const own = service.translations.get(language)
  const name = own?.name ?? service.name
  const description = own?.description ?? service.description
  const ways = [...phones.map(({ number }) => number), ...additionalUrls.map((one) => one.url), email, url]
  return (
    <li class="card">
      <h3>{name}</h3>
      {service.organization !== service.name && <p class="muted">{service.organization}</p>}
      {description !== null && <p>{description}</p>}
      <p class="muted">{service.status === "active" ? services(isOpen === null ? "is.unknown" : isOpen ? "is.open" : "is.closed") : services("paused")}</p>
      <ul class="ways">
        {ways.filter((way) => way !== null).map((way) => (
          <li key={way}>
            <bdi>{way}</bdi>
          </li>
        ))}
      </ul>
      {lastChecked !== null && <p>{services("checked", { date: day(lastChecked, language) })}</p>}
      <button
        type="button"
        class="button primary"
        onClick={() => {
          onSend(found)
        }}
      >
        {t("refer.send", { name })}
      </button>
    </li>
  )
}

const namesOf = ({ name, organization, translations }: Found["service"]): readonly string[] => [
  name,
  organization,
  ...[...translations.values()].flatMap((one) => one.name ?? []),
]
