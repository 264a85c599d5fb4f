/** A drawing, inside the page: nothing is fetched. They are ornaments; words stand beside them. */

import { PATHS, type IconName } from "./iconPaths.ts"

export type { IconName } from "./iconPaths.ts"

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" width="1.25em" height="1.25em" aria-hidden="true" focusable="false">
      <path
        d={PATHS[name]}
        fill="none"
        stroke="currentColor"
        stroke-width="1.8"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  )
}
