import { fc } from "../../properties.js"
import { clockAt } from "../../../shared/hlc.js"
import { beginning, stateOf, type Register, type SessionState } from "../../../shared/merge.js"

/** Few names and few times, so that everything collides with everything; and by hand, which areas each is in. */
const tabs = '["area","tabs"]'
const cookies = '["area","cookies"]'
const databases = '["area","indexedDB","https://a.example",null]'
const areas: Record<string, string[]> = {
  '["cookies","sid","a.example",true,"/",null]': [cookies],
  '["cookies","b","a.example",true,"/",null]': [cookies],
  '["sessionStorage","1","https://a.example",null,"k"]': [tabs],
  '["area","sessionStorage","1","https://a.example",null]': [tabs],
  '["record","https://a.example",null,"db","store","1"]': [databases],
  '["context"]': [],
  [tabs]: [],
  [cookies]: [],
  [databases]: [],
}

export const areasOf = (field: string): string[] => areas[field] ?? []

const writers = ["a", "b", "c"].map((letter) => letter.repeat(32))
const clock = fc.integer({ min: 1, max: 8 }).map(clockAt)
const stamp = { field: fc.constantFrom(...Object.keys(areas)), clock, writer: fc.constantFrom(...writers) }

/** What three writers say, the same writer twice at one time too. */
export const register: fc.Arbitrary<Register> = fc.oneof(
  {
    arbitrary: fc
      .record({ ...stamp, born: clock, value: fc.constantFrom("v1", "v2") })
      .map((live) => ({ ...live, born: live.born < live.clock ? live.born : live.clock, rank: 0, expiresAt: null })),
    weight: 3,
  },
  { arbitrary: fc.record({ ...stamp, deleted: fc.constant<true>(true) }), weight: 1 },
)

/** Mostly without a floor, as deltas are. */
const floor = fc.oneof({ arbitrary: fc.constant(beginning), weight: 2 }, { arbitrary: clock, weight: 1 })

export interface Piece {
  registers: Register[]
  floor: string
}

export const piece: fc.Arbitrary<Piece> = fc.record({ registers: fc.array(register, { maxLength: 6 }), floor })

/** Deltas, and states that forgot what their floor speaks for. */
export const history: fc.Arbitrary<Piece[]> = fc.array(piece, { minLength: 1, maxLength: 6 })

export function stateOfPiece({ registers, floor }: Piece): SessionState {
  return stateOf(registers, floor)
}
