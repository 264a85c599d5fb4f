/** What is seen and heard: elements whose source is a stream, which markup cannot say. */

import { useEffect, useRef } from "preact/hooks"

import { playThrough } from "../../../src/call/media/devices.ts"

interface PictureProps {
  readonly stream: MediaStream | null
  readonly label: string
  readonly class?: string
}

/** Pictures without sound: `Sound` plays that, so that it goes on whatever becomes of the picture. */
export function Picture({ stream, label, class: kind = "" }: PictureProps) {
  const element = useRef<HTMLVideoElement>(null)
  useEffect(() => {
    show(element.current, stream)
    return () => {
      show(element.current, null)
    }
  }, [stream])
  return <video ref={element} class={`picture ${kind}`} aria-label={label} autoplay playsInline muted disablePictureInPicture />
}

/** The same, of a track of ours. */
export function OwnPicture({ track, label, isMirrored }: { readonly track: MediaStreamTrack; readonly label: string; readonly isMirrored: boolean }) {
  const stream = useRef<MediaStream | null>(null)
  if (stream.current?.getTracks()[0] !== track) stream.current = new MediaStream([track])
  return <Picture stream={stream.current} label={label} class={isMirrored ? "mirrored" : ""} />
}

export function Sound({ stream, speaker }: { readonly stream: MediaStream; readonly speaker: string }) {
  const element = useRef<HTMLAudioElement>(null)
  useEffect(() => {
    show(element.current, stream)
    return () => {
      show(element.current, null)
    }
  }, [stream])
  useEffect(() => {
    if (element.current !== null) void playThrough(element.current, speaker)
  }, [speaker])
  return <audio ref={element} autoplay />
}

function show(element: HTMLMediaElement | null, stream: MediaStream | null): void {
  if (element === null) return
  element.srcObject = stream
  // Browsers that did not see a tap here wait for one; the next on the page will do.
  if (stream !== null) void element.play().catch(() => undefined)
}
