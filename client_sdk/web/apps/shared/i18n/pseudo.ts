/**
 * A language nobody speaks, by which a page shows that it would stand in a right-to-left language.
 *
 * Every text becomes longer, accented, and runs from right to left, as in Android's `ar-XB`. What still reads like
 * English on the screen is not in the catalogue; what sticks to the wrong edge is laid out by left and right instead
 * of start and end. Pages take it in only when they are built with `--mode pseudo`.
 */

const [PLAIN, ACCENTS] = [Array.from("aeiouyAEIOUYcnszCNSZ"), Array.from("áéíóúýÁÉÍÓÚÝçñšžÇÑŠŽ")]
const ACCENTED = new Map(PLAIN.map((letter, at) => [letter, ACCENTS[at] ?? letter]))
const [RIGHT_TO_LEFT, POP] = ["\u202e", "\u202c"]

/** The text as it would be in the pseudo-language; its `{blanks}` stay. */
export function pseudo(text: string): string {
  const turned = text.replace(/\{\w+\}|[^{}]+/g, (part) => (part.startsWith("{") ? part : turnedWords(part)))
  return `${turned}${turnedWords(" ···".repeat(1 + Math.floor(text.length / 24)))}`
}

function turnedWords(text: string): string {
  return RIGHT_TO_LEFT + Array.from(text, (letter) => ACCENTED.get(letter) ?? letter).join("") + POP
}

/** All texts in the pseudo-language. */
export function pseudoTexts<Key extends string>(texts: Readonly<Record<Key, string>>): Record<Key, string> {
  const turned = Object.entries<string>(texts).map(([key, text]) => [key, pseudo(text)])
  return Object.fromEntries(turned) as Record<Key, string>
}
