/** How a field for words behaves, on both pages: for messages, notes, reasons, and what is searched for. */

/**
 * The words are in the field alone, never in an attribute, a form or the address; without a name and with
 * `autocomplete="off"` browsers do not store the field for session restore. Spelling and writing services are turned
 * off, for some send what is typed to their makers.
 */
export const WRITING_SERVICES_OFF = {
  autocomplete: "off",
  autocorrect: "off",
  spellcheck: false,
  writingsuggestions: "false",
  "data-gramm": "false",
  "data-form-type": "other",
} as const

/** Makes the field as high as its text; the style sheet limits it. */
export function fit(field: HTMLTextAreaElement): void {
  field.style.blockSize = "auto"
  field.style.blockSize = `${field.scrollHeight + 2}px`
}
