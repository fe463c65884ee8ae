import { isPspError, PspError, type ErrorCode } from "../shared/errors.js"

const faults: Partial<Record<string, [ErrorCode, string]>> = {
  ENOSPC: ["full", "the disk is full; make room and try again"],
  EDQUOT: ["full", "the disk quota is used up; make room and try again"],
  EFBIG: ["full", "the file would be larger than the system allows"],
  EACCES: ["denied", "permission was denied; make the folder writable for you"],
  EPERM: ["denied", "the system does not permit it; make the folder writable for you"],
  EROFS: ["denied", "the file system is read-only"],
  ENOENT: ["unreachable", "the folder went away; is its disk still there?"],
  ENOTDIR: ["bad-config", "a part of the path is a file, expected folders"],
  EEXIST: ["bad-config", "a part of the path is a file, expected folders"],
  EISDIR: ["corrupt", "a folder lies where an object is expected"],
}

/** What the system says, as an error with a code of ours; a `PspError` stays as it is. */
export function typedFsError(error: unknown, doing: string): PspError {
  if (isPspError(error)) return error
  const [code, why] = faults[codeOf(error)] ?? [
    "unreachable",
    `the system answered ${codeOf(error) || "nothing known"}`,
  ]
  return new PspError(code, `Cannot ${doing}: ${why}`, { cause: error })
}

/** The system's name of an error, like `ENOENT`; `""` for what is none of the system's. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : ""
}

/** For `catch`: lets the one expected error pass. */
export function ignore(expected: string): (error: unknown) => void {
  return (error) => {
    if (codeOf(error) !== expected) throw error
  }
}
