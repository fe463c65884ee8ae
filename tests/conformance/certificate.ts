import { execFile } from "node:child_process"
import { promisify } from "node:util"

/**
 * A self-signed certificate for these hostnames, made now and kept in memory: none rests in the repository, none runs out.
 * Node can make keys but no certificates, so this asks the machine's OpenSSL.
 */
export async function makeCertificate(hostnames: readonly string[]): Promise<{ key: string; cert: string }> {
  const { stdout } = await promisify(execFile)("openssl", [
    ...["req", "-x509", "-days", "2", "-subj", "/CN=conformance site"],
    ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
    ...["-addext", `subjectAltName=${hostnames.map((hostname) => `DNS:${hostname}`).join(",")}`],
    ...["-keyout", "-", "-out", "-"],
  ])
  return { key: stdout, cert: stdout }
}
