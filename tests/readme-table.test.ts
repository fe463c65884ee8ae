import { expect, it } from "vitest"
import { replaceRows } from "./readme-table.js"

const rows = new Map([
  ["a", "| a | 1 |"],
  ["b", "| b | 1 |"],
  ["c", "| c | 1 |"],
])

it("what was measured again takes the place of its row, and the others stay", () => {
  expect(replaceRows(rows, ["| b | 2 |"])).toEqual(["| a | 1 |", "| b | 2 |", "| c | 1 |"])
})

it("a new row comes after the one it was measured after, and else last", () => {
  expect(replaceRows(rows, ["| a | 2 |", "| new | 1 |", "| newer | 1 |"])).toEqual([
    "| a | 2 |",
    "| new | 1 |",
    "| newer | 1 |",
    "| b | 1 |",
    "| c | 1 |",
  ])
  expect(replaceRows(rows, ["| new | 1 |", "| newer | 1 |"]).slice(3)).toEqual(["| new | 1 |", "| newer | 1 |"])
})

it("two rows of one name are refused", () => {
  expect(() => replaceRows(rows, ["| a | 2 |", "| a | 3 |"])).toThrow('Two rows are called "a"')
})
