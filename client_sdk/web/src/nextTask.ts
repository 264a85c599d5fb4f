/**
 * Lets the page breathe: what computes for long does so in pieces, and between two of them the browser draws, and takes
 * what is typed and tapped. A promise alone does not let go, for what awaits it goes on before anything else is done.
 */

/** Kept once the browser has had its turn. Unlike a timer's, that turn comes soon also where the page is not seen. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(null)
  })
}
