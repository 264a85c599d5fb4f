// A loader hook that corrects ts-mls 2.0.0-rc.10 while Node loads it, as the web build does.
//
// Ours refuses the commits that two of its faults make, rightly. To play removals at all, they are corrected. Tests
// show that the uncorrected library is still at fault, and so tell when this can go.

import { corrected } from "../../../client_sdk/web/build/tsMlsCorrections.mjs"

export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context)
  if (!url.includes("/ts-mls/")) return loaded
  const source = corrected(url, Buffer.from(loaded.source).toString())
  return source === undefined ? loaded : { ...loaded, source }
}
