import { createMemoryProvider } from "../../../shared/providers/memory.js"
import { describeProviderAtScale } from "../../contracts/provider-at-scale.js"
import { describeProvider } from "../../contracts/provider-contract.js"

describeProvider("memory provider", { create: async () => ({ provider: createMemoryProvider() }), watches: true })
describeProviderAtScale("memory provider", { create: async () => ({ provider: createMemoryProvider() }) })
