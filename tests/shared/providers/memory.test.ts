import { createMemoryProvider } from "../../../shared/providers/memory.js"
import { describeProvider } from "../../contracts/provider-contract.js"

describeProvider("memory provider", { create: async () => ({ provider: createMemoryProvider() }), watches: true })
