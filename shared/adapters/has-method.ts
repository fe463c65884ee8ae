/** Whether a thing of the user's has a method of that name: the packages of the tools are theirs, and not imported. */
export function hasMethod<Name extends string>(
  value: unknown,
  name: Name,
): value is Record<Name, (...parameters: unknown[]) => unknown> {
  return (
    (typeof value === "object" || typeof value === "function") &&
    value !== null &&
    name in value &&
    typeof (value as Record<Name, unknown>)[name] === "function"
  )
}
