import type { UserManifest } from "wxt"

/** Public half of a key whose private half was thrown away: it only fixes the id of an unpacked extension. */
const key =
  "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAw5ONtcbFg0VBDzQJEitPTgPXGjKPgrwxBwsXBIETvwWsi6oihrWxwSRIk2d396QZAJTUMm0rfJgTg6CVZqoMFdJSp3mDF+7ZGa97klLhhSlw2lYsIJ1gTdELR5Ccu9CBSC4XgXxQeSHlgCsZIIuWnNRT8zsLRl/XoXqmlDkdB6vOOqdJM4Xyw1971IAXUaQchwLR156p3e5//MIduUXRWodyT+CAArJ3EjqQk9LGZQ/85Q9DTwNqtd+PpzdeyGVU8aAYbhXMpbUpMykOGX6eJ2RAkNjvtVfs42vrXICfmmva7yST84jh0hKNd3sgRnvJyPy2HTg49mCSmSJJykBAYwIDAQAB"

/** gfmpdiibfllfjoljigngdakmnfepcejf. The Chrome Web Store gives its own id and wants no key in the archive. */
export function chromeManifest({ isForStore }: { isForStore: boolean }) {
  return {
    ...(isForStore ? {} : { key }),
    minimum_chrome_version: "120",
    externally_connectable: { ids: [] },
  } satisfies UserManifest
}
