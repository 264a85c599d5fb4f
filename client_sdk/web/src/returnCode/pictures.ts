/**
 * The 240 pictures of return codes, each with its name in Indonesian and in English: the file that Python reads, which
 * says what it holds in crypto/teduh_crypto/return_code/pictures.py.
 */

import text from "../../../../crypto/teduh_crypto/return_code/pictures.txt?raw"

/** The languages that pictures are named in. */
export type PictureLanguage = "id" | "en"

/** Something that can be pictured: one emoji of Unicode 11 or older, and what it is called. */
export interface Picture extends Readonly<Record<PictureLanguage, string>> {
  readonly emoji: string
}

/** All pictures, in the order that gives each its number. */
export const pictures: readonly Picture[] = text.trim().split("\n").map(pictureOf)

/** The number of each picture, by its emoji and by the letters of its name in each language. */
export const numbers: ReadonlyMap<string, number> = new Map(
  pictures.flatMap(({ emoji, id, en }, number) => [emoji, lettersOf(id), lettersOf(en)].map((key) => [key, number] as const)),
)

/** Lower-case letters alone: without accents, in the plain form of what a keyboard may make of them. */
export function lettersOf(text: string): string {
  return plain(text).replace(/\P{L}/gu, "")
}

/** NFKD, lower case: one form for whatever looks alike. Accents become marks of their own. */
export function plain(text: string): string {
  return text.normalize("NFKD").toLowerCase().normalize("NFKD")
}

function pictureOf(line: string): Picture {
  const [emoji = "", id = "", en = ""] = line.split("\t")
  return { emoji, id, en }
}
