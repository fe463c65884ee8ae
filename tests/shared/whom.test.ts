import { expect, it } from "vitest"
import { parseCard } from "../../shared/keys.js"
import { isMeant, oneMeant, parseWhom } from "../../shared/whom.js"
import { createDevice } from "./vault/devices.js"

const cardOf = async (name: string) => parseCard((await createDevice(name)).card)

it("a card, its six words however they are parted, and its name mean the one that has them", async () => {
  const [one, other] = [await cardOf("one"), await cardOf("other")]
  const { text, fingerprint } = one
  for (const asked of [text, ` ${text}\n`, fingerprint, fingerprint.toUpperCase().replaceAll(" ", " - "), " one "]) {
    const whom = await parseWhom(asked)
    expect([isMeant(whom, one), isMeant(whom, other)]).toEqual([true, false])
  }
  await expect(parseWhom(text.slice(0, -1))).rejects.toMatchObject({ code: "bad-card" })
})

it("six words of the list are never a name, so nobody is found by being called as another's words are", async () => {
  const one = await cardOf("one")
  const impostor = await cardOf(one.fingerprint)
  const whom = await parseWhom(one.fingerprint)
  expect([isMeant(whom, one), isMeant(whom, impostor)]).toEqual([true, false])
  const find = (groups: (typeof one)[][]) => oneMeant(one.fingerprint, groups, { key: "writerId", what: "device" })
  expect(await find([[impostor]])).toBeNull()
  expect(await find([[impostor], [one]])).toBe(one)
})

it("a name is looked for in one group after the other, and several of it are told by their words", async () => {
  const [first, twin, other] = [await cardOf("same"), await cardOf("same"), await cardOf("other")]
  const find = (groups: (typeof first)[][]) => oneMeant("same", groups, { key: "recipientId", what: "bot" })
  expect(await find([[other], [first, first]])).toBe(first)
  expect(await find([[first], [twin]])).toBe(first)
  expect(await find([[other]])).toBeNull()
  const message = expect.stringContaining(`"${first.fingerprint}", "${twin.fingerprint}"`) as string
  await expect(find([[first, twin]])).rejects.toMatchObject({ code: "usage", message })
})
