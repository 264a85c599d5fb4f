/** What is seen and heard: elements whose source is a stream, which markup cannot say. */

import { useEffect, useRef, useState } from "preact/hooks"

import { playThrough } from "../../../src/call/media/devices.ts"
import { Button } from "./Button.tsx"
import { useCallWording } from "./callWords.tsx"

interface PictureProps {
  readonly stream: MediaStream | null
  readonly label: string
  readonly class?: string
}

/** Pictures without sound: `Sound` plays that, so that it goes on whatever becomes of the picture. */
export function Picture({ stream, label, class: kind = "" }: PictureProps) {
  const element = useRef<HTMLVideoElement>(null)
  useEffect(() => {
    void show(element.current, stream)
    return () => {
      void show(element.current, null)
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

/** Safari plays what is heard only while a microphone is on, or where a tap begins it: who only listens is asked for one. */
export function Sound({ stream, speaker }: { readonly stream: MediaStream; readonly speaker: string }) {
  const { t } = useCallWording()
  const element = useRef<HTMLAudioElement>(null)
  const [awaitsTap, setAwaitsTap] = useState(false)
  const play = (): void => {
    void show(element.current, stream).then(setAwaitsTap)
  }
  useEffect(() => {
    play()
    return () => {
      void show(element.current, null)
    }
  }, [stream])
  useEffect(() => {
    if (element.current !== null) void playThrough(element.current, speaker)
  }, [speaker])
  return (
    <>
      <audio ref={element} autoplay onPlay={() => { setAwaitsTap(false) }} />
      {awaitsTap && (
        <div class="card question" role="alert">
          <p>{t("heard.blocked")}</p>
          <Button text={t("heard.play")} kind="primary" onPress={play} />
        </div>
      )}
    </>
  )
}

/** Gives whether the browser waits for a tap before it plays this. */
async function show(element: HTMLMediaElement | null, stream: MediaStream | null): Promise<boolean> {
  if (element === null) return false
  element.srcObject = stream
  if (stream === null) return false
  return await element.play().then(
    () => false,
    // What takes its place ends its playing, too.
    (error: unknown) => error instanceof DOMException && error.name === "NotAllowedError",
  )
}
