import { useEffect, useRef, useState } from "preact/hooks"
import { i18n } from "../i18n.js"
import { toPspError } from "../../shared/errors.js"
import { printable } from "../../shared/printable.js"
import { defaultAccount } from "../../shared/site.js"
import type { AccessEvent, EventBy, EventGap } from "../../shared/vault.js"
import { exportHistory, readHistory, type HistoryFilter, type HistoryView } from "../access-history.js"
import { readUntold, type Untold } from "../note-access.js"
import { download } from "./download.js"
import { dayTimeOf } from "./format.js"
import { isForHistory } from "./route.js"
import { shownName } from "./shown-name.js"

/** Who did what with which session; read when the person asks for it. */
export function AccessHistory() {
  const [filter, setFilter] = useState<HistoryFilter>({ bot: "", site: "", from: "", to: "" })
  const [view, setView] = useState<HistoryView | null>(null)
  const [isBusy, setBusy] = useState(false)
  const [fault, setFault] = useState<string | null>(null)
  const [untold, setUntold] = useState<Untold | null>(null)
  const reading = useRef<AbortController | null>(null)
  const top = useRef<HTMLParagraphElement>(null)
  useEffect(() => {
    void readUntold().then(setUntold)
    if (isForHistory(location.hash)) {
      top.current?.scrollIntoView()
      void show()
    }
    return () => reading.current?.abort()
  }, [])

  const during = async (work: (signal: AbortSignal) => Promise<void>) => {
    reading.current?.abort()
    const controller = new AbortController()
    reading.current = controller
    setBusy(true)
    setFault(null)
    try {
      await work(controller.signal)
    } catch (error) {
      if (!controller.signal.aborted)
        setFault(i18n.t("failed", [toPspError(error, "Reading the access history").message]))
    } finally {
      if (reading.current === controller) setBusy(false)
    }
  }
  const show = () =>
    during(async (signal) => {
      const found = await readHistory(filter, signal)
      if (!signal.aborted) setView(found)
      setUntold(await readUntold())
    })
  const save = (format: "csv" | "jsonl") =>
    during(async () => download(await exportHistory(filter, format), `access-history.${format}`))
  const set = (name: keyof HistoryFilter) => (event: { currentTarget: HTMLInputElement }) =>
    setFilter({ ...filter, [name]: event.currentTarget.value })
  return (
    <>
      <p ref={top} class="small quiet">
        {i18n.t("historyHint")}
      </p>
      {untold === null ? null : (
        <p class="small status warn">{i18n.t("historyUntold", untold.count, [String(untold.count), untold.why])}</p>
      )}
      <form
        aria-label={i18n.t("historyTitle")}
        aria-busy={isBusy}
        onSubmit={(event) => {
          event.preventDefault()
          void show()
        }}
      >
        <div class="history-filter">
          <label>
            <span class="small">{i18n.t("historyBot")}</span>
            <input type="text" autocomplete="off" spellcheck={false} value={filter.bot} onInput={set("bot")} />
          </label>
          <label>
            <span class="small">{i18n.t("historySite")}</span>
            <input type="text" autocomplete="off" spellcheck={false} value={filter.site} onInput={set("site")} />
          </label>
          <label>
            <span class="small">{i18n.t("historyFrom")}</span>
            <input type="date" value={filter.from} onInput={set("from")} />
          </label>
          <label>
            <span class="small">{i18n.t("historyTo")}</span>
            <input type="date" value={filter.to} onInput={set("to")} />
          </label>
        </div>
        <div class="buttons">
          <button type="submit" class="primary">
            {i18n.t("historyShow")}
          </button>
          <button type="button" onClick={() => void save("csv")}>
            {i18n.t("historyCsv")}
          </button>
          <button type="button" onClick={() => void save("jsonl")}>
            {i18n.t("historyJson")}
          </button>
        </div>
      </form>
      <div aria-live="polite">
        {isBusy ? <p class="small quiet">{i18n.t("historyReading")}</p> : null}
        {fault === null ? null : <p class="status bad">{fault}</p>}
        {view?.count === 0 ? <p class="quiet">{i18n.t("historyNone")}</p> : null}
      </div>
      {view === null || view.count === 0 ? null : <HistoryTable view={view} />}
    </>
  )
}

function HistoryTable({ view: { lines, count } }: { view: HistoryView }) {
  return (
    <>
      {count > lines.length ? (
        <p class="small quiet">{i18n.t("historyMore", [lines.length.toLocaleString(), count.toLocaleString()])}</p>
      ) : null}
      <table class="small history">
        <thead>
          <tr>
            {(["when", "what", "site", "who", "details"] as const).map((column) => (
              <th key={column} scope="col">
                {i18n.t(`historyColumn.${column}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {lines.map((line, at) =>
            line.type === "event" ? <EventRow key={line.name} event={line} /> : <GapRow key={`gap ${at}`} gap={line} />,
          )}
        </tbody>
      </table>
    </>
  )
}

function EventRow({ event }: { event: AccessEvent }) {
  const { at, kind, site, account, by, tool, version, bot, reason, wasGranted, names, more } = event
  const details = [
    ...(bot === null ? [] : [i18n.t("historyAbout", [shownName(bot.name)])]),
    ...(reason === null ? [] : [reason]),
    ...(wasGranted || kind === "refused" ? [] : [i18n.t("historyNoGrant")]),
    ...names.slice(0, mostNames).map(printable),
    ...(names.length + more > mostNames ? [`+ ${names.length + more - mostNames}`] : []),
    `${printable(tool)} ${printable(version)}`,
  ]
  return (
    <tr>
      <td>{dayTimeOf(at)}</td>
      <td>{i18n.t(`historyKind.${kind}`)}</td>
      <td class="text">
        {printable(site)} {account === defaultAccount ? null : <span class="quiet">{shownName(account)}</span>}
      </td>
      <td class="text" title={by.fingerprint}>
        {whoOf(by)}
      </td>
      <td class="text quiet">{details.join("; ")}</td>
    </tr>
  )
}

/** Of one event; a file has all of them. */
const mostNames = 4

function GapRow({ gap: { at, by, message } }: { gap: EventGap }) {
  return (
    <tr>
      <td>{at === null ? "" : dayTimeOf(at)}</td>
      <td colSpan={4} class="text status bad" title={by?.fingerprint}>
        {i18n.t("historyGap", [printable(message)])}
      </td>
    </tr>
  )
}

function whoOf({ name, isBot }: EventBy): string {
  return isBot ? i18n.t("historyBotBy", [shownName(name)]) : shownName(name)
}
