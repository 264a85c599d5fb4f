/**
 * The services of the directory, and the search in them: loaded with the directory, and asks nobody while she searches.
 *
 * Every number stands there in full, as text, before what calls it: she sees whom she would call.
 */

import { useMemo, useState } from "preact/hooks"

import { translator, type Language, type Translate } from "../shared/i18n/catalogue.ts"
import { shownTexts } from "../shared/i18n/direction.ts"
import type { Icon } from "../shared/parts/Icon.tsx"
import type { Select } from "../shared/parts/Select.tsx"
import { siteOf, telephone } from "./configuration.ts"
import { NEEDS, type Directory, type Found, type Need, type Service } from "./sdk.ts"
import { serviceTexts } from "./serviceTexts.ts"

export { Directory } from "./sdk.ts"

const texts = shownTexts(serviceTexts)
const ELSEWHERE = { target: "_blank", rel: "noopener noreferrer", referrerpolicy: "no-referrer" } as const
/** So many are drawn; who looks through more chooses. */
const MOST_SHOWN = 50

type Words = Translate<typeof serviceTexts.en>

/** Of the first screen; it has them, and the bundler can keep them there. */
interface Parts {
  readonly Icon: typeof Icon
  readonly Select: typeof Select
}

interface ServiceListProps {
  readonly parts: Parts
  readonly directory: Directory
  readonly language: Language
}

export function ServiceList({ parts, directory, language }: ServiceListProps) {
  const t = translator(texts, language)
  const [need, setNeed] = useState<string | null>(null)
  const [region, setRegion] = useState<string | null>(null)
  const [spoken, setSpoken] = useState<string | null>(null)
  const [openNow, setOpenNow] = useState(false)
  // What is in the list, so that nothing can be chosen that leads to nothing.
  const choices = useMemo(() => choicesOf(directory, language), [directory, language])
  const found = directory.search({ need, region, language: spoken, openNow })
  return (
    <>
      <p class="muted">{t("about")}</p>
      <parts.Select
        label={t("need")}
        none={t("any")}
        options={choices.needs.map((value) => ({ value, text: t(`need.${value}`) }))}
        chosen={need}
        onChoose={setNeed}
      />
      {choices.regions.length > 1 && (
        <parts.Select label={t("region")} none={t("any")} options={choices.regions} chosen={region} onChoose={setRegion} />
      )}
      {choices.languages.length > 1 && (
        <parts.Select label={t("language")} none={t("any")} options={choices.languages} chosen={spoken} onChoose={setSpoken} />
      )}
      <label>
        <input
          type="checkbox"
          autocomplete="off"
          checked={openNow}
          onChange={({ currentTarget }) => {
            setOpenNow(currentTarget.checked)
          }}
        />{" "}
        {t("open")}
      </label>
      <p role="status">{found.length < 2 ? t(found.length === 1 ? "found.1" : "found.0") : t("found", { count: found.length })}</p>
      {found.length > 0 && (
        <>
          <p class="muted">{t("trace.call")}</p>
          <p class="muted">{t("trace.link")}</p>
        </>
      )}
      <ul class="numbers">
        {found.slice(0, MOST_SHOWN).map((one) => (
          <ServiceCard key={one.service.id} found={one} language={language} t={t} parts={parts} />
        ))}
      </ul>
    </>
  )
}

interface ServiceCardProps {
  readonly found: Found
  readonly language: Language
  readonly t: Words
  readonly parts: Parts
}

function ServiceCard({ found: { service, isOpen, lastChecked }, language, t, parts }: ServiceCardProps) {
  const { name, organization, phones, email, url, additionalUrls, fees, source } = service
  const own = service.translations.get(language)
  const description = own?.description ?? service.description
  const alert = own?.alert ?? service.alert
  return (
    <li class="card">
      <h3>{own?.name ?? name}</h3>
      {organization !== name && <p class="muted">{organization}</p>}
      {alert !== null && <p>{alert}</p>}
      {description !== null && <p>{description}</p>}
      <p>{service.status === "active" ? t(isOpen === null ? "is.unknown" : isOpen ? "is.open" : "is.closed") : t("paused")}</p>
      {fees !== null && <p>{t("fees", { fees })}</p>}
      {phones.map(({ number, description: about }) => (
        <Way Icon={parts.Icon} key={number} icon="phone" address={telephone(number)} shown={number} about={about} text={t("call", { number })} />
      ))}
      {additionalUrls.map((one) => (
        <Way Icon={parts.Icon} key={one.url} icon="chat" address={one.url} shown={one.url} text={t("write", { label: one.label ?? siteOf(one.url) })} />
      ))}
      {email !== null && <Way Icon={parts.Icon} icon="chat" address={`mailto:${email}`} shown={email} text={t("email")} />}
      {url !== null && <Way Icon={parts.Icon} icon="chat" address={url} shown={url} text={t("site", { site: siteOf(url) })} />}
      {lastChecked !== null && <p>{t("checked", { date: day(lastChecked, language) })}</p>}
      <p class="muted">{t("source", { source })}</p>
    </li>
  )
}

interface WayProps extends Pick<Parts, "Icon"> {
  readonly icon: "phone" | "chat"
  readonly address: string
  /** What is called or opened, in full. */
  readonly shown: string
  readonly about?: string | null
  readonly text: string
}

/** What is called or opened stands above what does it. */
function Way({ Icon: Sign, icon, address, shown, about = null, text }: WayProps) {
  const elsewhere = address.startsWith("https:") ? ELSEWHERE : {}
  return (
    <p>
      <bdi class="site">{shown}</bdi>
      {about !== null && <> {about}</>}
      <a class="button number" href={address} {...elsewhere}>
        <Sign name={icon} />
        <span class="number-name">{text}</span>
      </a>
    </p>
  )
}

interface Option {
  readonly value: string
  readonly text: string
}

interface Choices {
  readonly needs: readonly Need[]
  readonly regions: readonly Option[]
  readonly languages: readonly Option[]
}

function choicesOf(directory: Directory, language: Language): Choices {
  const shown = directory.search().map(({ service }) => service)
  const collator = new Intl.Collator(language)
  const sorted = (options: ReadonlyMap<string, string>): Option[] =>
    [...options].map(([value, text]) => ({ value, text })).sort((one, other) => collator.compare(one.text, other.text))
  const spoken = shown.flatMap(({ languages }) => languages.map(({ code, name }) => [code, languageName(code, name, language)] as const))
  const places = shown.flatMap(({ areas }: Service) => areas.map(({ extent, name }) => [extent, name] as const))
  return {
    needs: NEEDS.filter((need) => shown.some(({ needs }) => needs.has(need))),
    regions: sorted(new Map(places)),
    languages: sorted(new Map(spoken)),
  }
}

/** As the browser calls it; old ones have no names. */
function languageName(code: string, name: string | null, language: Language): string {
  if (!("DisplayNames" in Intl)) return name ?? code
  return new Intl.DisplayNames(language, { type: "language" }).of(code) ?? name ?? code
}

const day = (at: number, language: Language): string =>
  new Intl.DateTimeFormat(language, { dateStyle: "long", timeZone: "UTC" }).format(at)
