import { ErrorReply } from "@redis/client"
import { expect, it } from "vitest"
import { typedRedisError } from "../../native-host/redis-errors.js"

it("a Redis server that asks for a password leads to where one is kept, and not into the address", () => {
  const { code, message } = typedRedisError(new ErrorReply("NOAUTH Authentication required."), "open the store")
  expect(code).toBe("denied")
  expect(message).toMatch(/keep it with psp config set credentials\.password$/)
})
