/** The version in package.json (a test holds them together): both sides of the native port say theirs. */
export const version = "0.1.0"
