/** Where she wants Exit on a phone: for this visit, for nothing of it is kept. */

import { Choice } from "../shared/parts/Choice.tsx"
import { EXIT_PLACES, type ExitPlace } from "./configuration.ts"
import { useWording } from "./words.tsx"

interface ExitPlaceChoiceProps {
  readonly place: ExitPlace
  readonly onPlace: (place: ExitPlace) => void
}

export function ExitPlaceChoice({ place, onPlace }: ExitPlaceChoiceProps) {
  const { t } = useWording()
  if (!matchMedia("(pointer: coarse)").matches) return null
  return (
    <Choice
      legend={t("exit.place")}
      group="exit"
      chosen={place}
      options={EXIT_PLACES.map((value) => ({ value, text: t(`exit.place.${value}`) }))}
      onChoose={onPlace}
    />
  )
}
