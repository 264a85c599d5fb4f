/** One of a few, as large buttons: radio buttons underneath, so that arrow keys and screen readers know them. */

interface ChoiceProps<Value extends string> {
  readonly legend: string
  /** Distinguishes this group of radio buttons from others of the page. */
  readonly group: string
  readonly options: readonly { readonly value: Value; readonly text: string; readonly language?: string }[]
  readonly chosen: Value | null
  readonly onChoose: (value: Value) => void
}

export function Choice<Value extends string>({ legend, group, options, chosen, onChoose }: ChoiceProps<Value>) {
  return (
    <fieldset class="choice">
      <legend>{legend}</legend>
      <div class="choice-options">
        {options.map(({ value, text, language }) => (
          <label key={value} class="choice-option" lang={language}>
            <input
              type="radio"
              name={group}
              autocomplete="off"
              checked={value === chosen}
              onChange={() => {
                onChoose(value)
              }}
            />
            <span>{text}</span>
          </label>
        ))}
      </div>
    </fieldset>
  )
}
