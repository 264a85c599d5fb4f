/** A button of a call. */

interface ButtonProps {
  readonly text: string
  readonly onPress: () => void
  readonly kind?: "primary" | "quiet" | "exit" | ""
}

export function Button({ text, onPress, kind = "" }: ButtonProps) {
  return (
    <button type="button" class={`button ${kind}`} onClick={onPress}>
      {text}
    </button>
  )
}
