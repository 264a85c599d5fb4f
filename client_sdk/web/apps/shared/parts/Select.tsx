/** One of many, or none: the browser's own list, which needs little room. What is chosen is not kept by the browser. */

interface SelectProps {
  readonly label: string
  /** What choosing none is called. */
  readonly none: string
  readonly options: readonly { readonly value: string; readonly text: string }[]
  readonly chosen: string | null
  readonly onChoose: (value: string | null) => void
}

export function Select({ label, none, options, chosen, onChoose }: SelectProps) {
  return (
    <label class="select">
      <span>{label}</span>
      <select
        autocomplete="off"
        value={chosen ?? ""}
        onChange={({ currentTarget }) => {
          onChoose(currentTarget.value === "" ? null : currentTarget.value)
        }}
      >
        <option value="">{none}</option>
        {options.map(({ value, text }) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  )
}
