/** Time: what it is, and how to wait no longer. */

/** Wait for `work`, but for no more than `seconds`; what becomes of it does not matter. */
export async function atMost(seconds: number, work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, 1000 * seconds)
  })
  await Promise.race([work.catch(() => undefined), late])
  clearTimeout(timer)
}

/** Seconds since 1970, by this device's clock. */
export function nowInSeconds(): number {
  return Math.floor(Date.now() / 1000)
}
