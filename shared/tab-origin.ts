/** Where a tab is, without what the site put into its address. */
export function originOfTab(url: string): string {
  const origin = URL.canParse(url) ? new URL(url).origin : "null"
  return origin === "null" ? "about:blank" : `${origin}/`
}
