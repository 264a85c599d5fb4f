/** Figures of the board that are reckoned, or withheld. */

import type { Board } from "../sdk.ts"
import type { Words } from "../words.tsx"

/** How many conversations there are for each who is available; a dash when nobody is. */
export function loadOf({ load, available }: Pick<Board, "load" | "available">): string {
  return available === 0 ? "–" : (load / available).toFixed(1)
}

/** A count that could be a person is not told. */
export function countText(t: Words, count: number | null): string {
  return count === null ? t("board.few") : String(count)
}
