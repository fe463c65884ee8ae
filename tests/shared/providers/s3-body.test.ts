import { expect, it } from "vitest"
import { readS3Body } from "../../../shared/providers/s3-body.js"

it("the body of an S3 answer may come in any number of pieces", async () => {
  let left = 200_000
  const pull = (body: ReadableStreamDefaultController<Uint8Array>) => {
    if (left-- > 0) body.enqueue(Uint8Array.of(1))
    else body.close()
  }
  const stream = new ReadableStream<Uint8Array>({ pull }, { highWaterMark: 0 })
  expect(await readS3Body({ stream, length: 200_000 }, "read it")).toHaveLength(200_000)
})
