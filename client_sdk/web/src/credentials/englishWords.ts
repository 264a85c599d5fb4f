/** The English word list of comparison words: the file that Python reads; words/README.md beside it says whence. */

import text from "../../../../crypto/teduh_crypto/credentials/words/english.txt?raw"

/** 2048 words, in the order that gives each its number. */
export const englishWords: readonly string[] = text.trim().split("\n")
