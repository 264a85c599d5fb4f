/** One HTTP exchange with the relay, in JSON: no cookie, no cache, no referrer, no redirect, and no waiting for ever. */

const TIMEOUT_MS = 20_000

export interface FetchOptions {
  readonly method?: "GET" | "POST"
  readonly content?: unknown
  readonly signal?: AbortSignal
}

/** The parsed answer, whatever its status says; rejects when there is none, or it is no JSON. */
export async function fetchJson(url: string, { method = "GET", content, signal }: FetchOptions = {}): Promise<unknown> {
  const stop = new AbortController()
  const abort = (): void => {
    stop.abort()
  }
  const timer = setTimeout(abort, TIMEOUT_MS)
  signal?.addEventListener("abort", abort)
  try {
    const response = await fetch(url, {
      method,
      ...(content === undefined
        ? {}
        : { body: JSON.stringify(content), headers: { "Content-Type": "application/json" } }),
      credentials: "omit",
      cache: "no-store",
      redirect: "error",
      referrerPolicy: "no-referrer",
      signal: stop.signal,
    })
    return await response.json()
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener("abort", abort)
  }
}
