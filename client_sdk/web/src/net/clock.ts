/** Time: what it is, and how to wait no longer. */

/** Wait for `work`, but for no more than `seconds`; gives what came of it, undefined where it failed or is not done. */
export async function atMost<Result>(seconds: number, work: Promise<Result>): Promise<Result | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => {
      resolve(undefined)
    }, 1000 * seconds)
  })
  const done = await Promise.race([work.catch(() => undefined), late])
  clearTimeout(timer)
  return done
}

/** Seconds since 1970, by this device's clock. */
export function nowInSeconds(): number {
  return Math.floor(Date.now() / 1000)
}
