/**
 * The services of the directory, and the search in them: loaded with the directory, and asks nobody while she searches.
 *
 * Every number stands there in full, as text, before what calls it: she sees whom she would call.
 */

import { useMemo, useState } from "preact/hooks"

import { translator, type Language, type Translate } from "../shared/i18n/catalogue.ts"
import { shownTexts } from "../shared/i18n/direction.ts"
import { serviceTexts } from "../shared/i18n/serviceTexts.ts"
import type { Icon } from "../shared/parts/Icon.tsx"
import type { Select } from "../shared/parts/Select.tsx"
import { choicesOf, day } from "../shared/services.ts"
import { siteOf, telephone } from "./configuration.ts"
import type { Directory, Found } from "./sdk.ts"

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

interface ReferredServiceProps extends Pick<ServiceListProps, "parts" | "language"> {
  readonly found: Found
}

/** One service, of which she was told in the conversation. */
export function ReferredService({ parts, found, language }: ReferredServiceProps) {
  const t = translator(texts, language)
  const { phones, additionalUrls, email, url } = found.service
  const hasLinks = additionalUrls.length > 0 || email !== null || url !== null
  return (
    <>
      {phones.length > 0 && <p class="muted">{t("trace.call")}</p>}
      {hasLinks && <p class="muted">{t("trace.link")}</p>}
      <ul class="numbers">
        <ServiceCard found={found} language={language} t={t} parts={parts} Name="h2" />
      </ul>
    </>
  )
}

interface ServiceCardProps {
  readonly found: Found
  readonly language: Language
  readonly t: Words
  readonly parts: Parts
  /** Of the level below the heading above it. */
  readonly Name?: "h2" | "h3"
}

function ServiceCard({ found: { service, isOpen, lastChecked }, language, t, parts, Name = "h3" }: ServiceCardProps) {
  const { name, organization, phones, email, url, additionalUrls, fees, source } = service
  const own = service.translations.get(language)
  const description = own?.description ?? service.description
  const alert = own?.alert ?? service.alert
  return (
    <li class="card">
      <Name>{own?.name ?? name}</Name>
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
