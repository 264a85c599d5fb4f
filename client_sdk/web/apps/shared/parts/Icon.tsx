/** A drawing by its name. The survivor's first screen takes its own from `earlyIcons.ts`, and brings no other along. */

import { Drawing } from "./Drawing.tsx"
import { PATHS, type IconName } from "./iconPaths.ts"

export type { IconName } from "./iconPaths.ts"

export function Icon({ name }: { readonly name: IconName }) {
  return <Drawing path={PATHS[name]} />
}
