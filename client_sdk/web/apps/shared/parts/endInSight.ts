/** Keeps the newest message of a log in sight, unless somebody has scrolled up to read. */

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks"

const NEAR_THE_END = 80

/** For the element that scrolls: its `ref` and `onScroll`; whether its end is in sight, and how to go there. */
export function useEndInSight(items: readonly { readonly kind: string }[]) {
  const box = useRef<HTMLDivElement>(null)
  const stays = useRef(true)
  const size = useRef("")
  const [isAtEnd, setAtEnd] = useState(true)
  // Before the first message there is no newest one: what stands above is read from its beginning.
  const isEmpty = useRef(true)
  isEmpty.current = items.length === 0
  const toEnd = (): void => {
    if (!isEmpty.current) box.current?.scrollTo({ top: box.current.scrollHeight })
  }
  useLayoutEffect(() => {
    if (stays.current || items.at(-1)?.kind === "own") toEnd()
  }, [items])
  useEffect(() => {
    // A phone's keyboard takes half of the log away, and would take the newest message with it.
    const resized = new ResizeObserver(() => {
      if (stays.current) toEnd()
    })
    if (box.current !== null) resized.observe(box.current)
    return () => {
      resized.disconnect()
    }
  }, [])
  const onScroll = (): void => {
    if (box.current === null || isEmpty.current) return
    const { scrollHeight, scrollTop, clientHeight } = box.current
    const sizeNow = `${scrollHeight} ${clientHeight}`
    const isReflowed = size.current !== sizeNow
    size.current = sizeNow
    if (isReflowed && stays.current) {
      // Not somebody's hand: a message came, the window was turned, or the keyboard opened.
      toEnd()
      return
    }
    stays.current = scrollHeight - scrollTop - clientHeight < NEAR_THE_END
    setAtEnd(stays.current)
  }
  return { box, isAtEnd, onScroll, toEnd }
}
