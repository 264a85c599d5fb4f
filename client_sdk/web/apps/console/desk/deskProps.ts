import type { Desk } from "./desk.ts"
import type { DeskState } from "./deskState.ts"

/** What every part of the desk is drawn from, and what it acts on. */
export interface DeskProps {
  readonly state: DeskState
  readonly desk: Desk
}
