/** Reads the organisation, in which the root key is that everybody else is measured by. */

import { MalformedToken } from "../credentials/exceptions.ts"
import { readOrganisation as readEntries, type Organisation } from "../credentials/organisation.ts"
import { InvalidOrganisation } from "../errors.ts"
import { fetchJson } from "../net/fetchJson.ts"

/**
 * The organisation in parsed JSON; throws `InvalidOrganisation`.
 *
 * Ship it with the page: whoever can change it decides whom we trust.
 */
export function readOrganisation(entries: unknown): Organisation {
  try {
    return readEntries(entries)
  } catch (error) {
    if (error instanceof MalformedToken) throw new InvalidOrganisation("the organisation cannot be read", { cause: error })
    throw error
  }
}

/** The organisation at `url`, from the server that serves the page; rejects with `InvalidOrganisation`. */
export async function fetchOrganisation(url: string): Promise<Organisation> {
  let entries: unknown
  try {
    entries = await fetchJson(url)
  } catch (error) {
    throw new InvalidOrganisation("the organisation cannot be fetched", { cause: error })
  }
  return readOrganisation(entries)
}
