import { i18n } from "../i18n.js"
import { Command } from "./command.js"
import { ComputerCard, untilTrusted, useComputer } from "./computer.js"

const command = "npm install --global persistent-sessions && psp install"

/** The first minutes: install psp, trust this computer, pin the icon. Notices by itself what is done. */
export function Welcome() {
  const [computer, setComputer] = useComputer(untilTrusted)
  const isTrusted = computer?.isThere === true && computer.trust.state === "trusted"
  return (
    <main>
      <h1>{i18n.t("welcomeTitle")}</h1>
      <ol class="steps">
        <li>
          <p>{i18n.t("welcomeInstall")}</p>
          <Command text={command} />
          <p role="status" class="quiet">
            {computer?.isThere === true ? i18n.t("welcomeFound", [computer.version]) : i18n.t("welcomeLooking")}
          </p>
          {computer === null || computer.isThere || computer.code === "host-missing" ? null : (
            <p class="status bad">{computer.message}</p>
          )}
        </li>
        <li>
          <p>{i18n.t("welcomeTrust")}</p>
          {computer?.isThere === true ? <ComputerCard computer={computer} onTrust={setComputer} /> : null}
        </li>
      </ol>
      <p>{i18n.t("welcomePin")}</p>
      {isTrusted ? <p class="status good">{i18n.t("welcomeDone")}</p> : null}
    </main>
  )
}
