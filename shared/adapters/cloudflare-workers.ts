/**
 * For a Worker with Browser Rendering: `restore`, `capture`, `diff` and what `open` gives take the browser of `@cloudflare/puppeteer`, or a context of
 * it. That package has an older core and lacks some methods of Puppeteer; what is needed goes over CDP, which it has.
 *
 * The session itself comes from `openVault` over `createKvProvider`, with the identity and the owner's card from the Worker's
 * secrets; none of this needs Node's compatibility. `docs/examples/cloudflare-worker` is a whole Worker.
 */
export {
  capture,
  diff,
  open,
  restore,
  type Autosave,
  type AutosaveOptions,
  type CaptureOptions,
  type Difference,
  type DiffOptions,
  type OpenOptions,
  type PuppeteerTarget,
  type RefusedChange,
  type RestoreOptions,
  type SavedChange,
  type SaveOptions,
  type SaveReport,
  type Session,
  type SessionVault,
  type SnapshotDiff,
} from "./puppeteer.js"
