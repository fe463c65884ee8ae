interface ChoiceProps<T extends string> {
  legend: string
  name: string
  options: readonly (readonly [value: T, label: string])[]
  value: T
  onChoose: (value: T) => void
}

/** One of a few. */
export function Choice<T extends string>({ legend, name, options, value, onChoose }: ChoiceProps<T>) {
  return (
    <fieldset class="wrapping">
      <legend>{legend}</legend>
      {options.map(([option, label]) => (
        <label key={option} class="check">
          <input type="radio" name={name} checked={option === value} onChange={() => onChoose(option)} />
          <span class="text">{label}</span>
        </label>
      ))}
    </fieldset>
  )
}
