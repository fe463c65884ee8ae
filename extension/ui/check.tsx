interface CheckProps {
  label: string
  hint?: string
  count?: string | undefined
  isOn: boolean
  onToggle: () => void
}

/** A choice on one line, with how much it is at the end. */
export function Check({ label, hint, count, isOn, onToggle }: CheckProps) {
  return (
    <label class="check">
      <input type="checkbox" checked={isOn} onChange={onToggle} />
      <span>
        <span class="text">{label}</span> {hint === undefined ? null : <span class="quiet small">{hint}</span>}
      </span>
      <span class="quiet small count">{count}</span>
    </label>
  )
}

export function toggled<T>(list: T[], item: T): T[] {
  return list.includes(item) ? list.filter((other) => other !== item) : [...list, item]
}
