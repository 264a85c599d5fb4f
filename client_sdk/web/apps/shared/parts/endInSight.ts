/** Keeps the newest message of a log in sight, unless somebody has scrolled up to read. */

import { useLayoutEffect, useRef, useState } from "preact/hooks"

const NEAR_THE_END = 80

/** For the element that scrolls: its `ref` and `onScroll`; whether its end is in sight, and how to go there. */
export function useEndInSight(items: readonly { readonly kind: string }[]) {
  const box = useRef<HTMLDivElement>(null)
  const [isAtEnd, setAtEnd] = useState(true)
  const toEnd = (): void => {
    box.current?.scrollTo({ top: box.current.scrollHeight })
  }
  useLayoutEffect(() => {
    if (items.length > 0 && (isAtEnd || items.at(-1)?.kind === "own")) toEnd()
  }, [items])
  const onScroll = (): void => {
    if (box.current === null) return
    const { scrollHeight, scrollTop, clientHeight } = box.current
    setAtEnd(scrollHeight - scrollTop - clientHeight < NEAR_THE_END)
  }
  return { box, isAtEnd, onScroll, toEnd }
}
