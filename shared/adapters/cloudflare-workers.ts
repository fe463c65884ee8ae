/**
 * For a Worker with Browser Rendering: `restore`, `capture` and `diff` take the browser of `@cloudflare/puppeteer`, or a context of
 * it. That package has an older core and lacks some methods of Puppeteer; what is needed goes over CDP, which it has.
 *
 * The session itself comes from `openVault` over `createKvProvider`, with the identity and the owner's card from the Worker's
 * secrets; none of this needs Node's compatibility. `docs/examples/cloudflare-worker` is a whole Worker.
 */
export {
  capture,
  diff,
  restore,
  type CaptureOptions,
  type Difference,
  type DiffOptions,
  type PuppeteerTarget,
  type RestoreOptions,
  type SnapshotDiff,
} from "./puppeteer.js"
