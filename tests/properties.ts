import fc from "fast-check"

/**
 * Properties are tried with the same histories each time, so that a run says something of the change and not of its luck. To look
 * for new ones: `PROPERTY_SEED=$RANDOM npx vitest run tests/shared/merge`; a failure tells how to play it again.
 */
fc.configureGlobal({ seed: Number(process.env["PROPERTY_SEED"] ?? 20_261_121) })

export { fc }
