import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3"
import { createS3Provider } from "../../shared/providers/s3.js"
import type { Provider } from "../../shared/provider.js"
import { hasCeph, startCeph } from "../servers/ceph.js"
import { startS3StandIn } from "../servers/s3-stand-in.js"

export interface S3ForBench {
  /** What it is, for the table. */
  title: string
  /** Of 127.0.0.1. */
  port: number
  bucket: string
  region: string
  credentials: { accessKeyId: string; secretAccessKey: string }
  /** The AWS client alone; the address is that of a proxy, if any. */
  client(port?: number): S3Client
  provider(port?: number): Provider
  stop(): Promise<void>
}

/** A bucket of a real S3 server, or of the stand-in where the packages of the real one are missing; the title says which. */
export async function startS3(): Promise<S3ForBench> {
  const region = "us-east-1"
  const standIn = hasCeph ? null : await startS3StandIn()
  const server = standIn ?? (await startCeph())
  const credentials = "credentials" in server ? server.credentials : { accessKeyId: "a", secretAccessKey: "b" }
  const own = Number(new URL(server.endpoint).port)
  const bucket = "bench"
  const endpointOf = (port: number) => `http://127.0.0.1:${port}`
  const client = (port = own) =>
    new S3Client({ region, endpoint: endpointOf(port), credentials, forcePathStyle: true, maxAttempts: 1 })
  if (standIn === null) {
    const first = client()
    await first.send(new CreateBucketCommand({ Bucket: bucket }))
    first.destroy()
  }
  return {
    title: standIn === null ? "S3 (Ceph)" : "S3 (stand-in)",
    port: own,
    bucket,
    region,
    credentials,
    client,
    provider: (port = own) =>
      createS3Provider({ bucket, region, endpoint: endpointOf(port), pathStyle: true, credentials }),
    stop: () => server.dispose(),
  }
}
