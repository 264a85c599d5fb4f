/**
 * What a catalogue of texts is: every text in every language, under keys that the compiler knows.
 *
 *     const texts = catalogue({ en: { hello: "Hello, {name}" }, id: { hello: "Halo, {name}" } })
 *     const t = translator(texts, "en")
 *     t("hello", { name: "Sari" })          // a missing key or value does not compile
 *
 * Each app has its own catalogue, so that the survivor's page carries no word of the console; what both say is in
 * `sharedTexts.ts`. A text is plain: it is only ever put into text nodes and attributes, never parsed as HTML.
 */

/** The languages that there are texts in. The names of the languages are written in themselves. */
export const LANGUAGES = { id: "Bahasa Indonesia", en: "English" } as const
export type Language = keyof typeof LANGUAGES

type Texts = Readonly<Record<string, string>>
export type Catalogue<English extends Texts> = {
  readonly en: English
  readonly id: { readonly [Key in keyof English]: string }
}

/** Holds the texts together and makes the compiler look for missing and superfluous keys. */
export function catalogue<const English extends Texts>(texts: Catalogue<English>): Catalogue<English> {
  return texts
}

type Blanks<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | Blanks<Rest> : never
type Values<Text extends string> = [Blanks<Text>] extends [never]
  ? []
  : [values: Readonly<Record<Blanks<Text>, string | number>>]

/** Gives the text under a key, its `{blanks}` filled in. */
export type Translate<English extends Texts> = <Key extends keyof English & string>(
  key: Key,
  ...values: Values<English[Key]>
) => string

/** The texts of one language, ready to be asked for. */
export function translator<English extends Texts>(texts: Catalogue<English>, language: Language): Translate<English> {
  const ofLanguage = texts[language]
  return (key, ...[values]) => filled(ofLanguage[key], values ?? {})
}

function filled(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (blank, name: string) => String(values[name] ?? blank))
}

/** The first of `wanted` (BCP 47, for example from `navigator.languages`) that is `offered`; else the first offered. */
export function preferredLanguage(wanted: readonly string[], offered: readonly Language[]): Language {
  for (const tag of wanted) {
    // "in" is what some Android phones still call Indonesian.
    const primary = tag.toLowerCase().split("-", 1)[0]?.replace(/^in$/, "id")
    const found = offered.find((language) => language === primary)
    if (found !== undefined) return found
  }
  return offered[0] ?? "en"
}
