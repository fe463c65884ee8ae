import { createI18n } from "@wxt-dev/i18n"
import type { GeneratedI18nStructure } from "../.wxt/i18n/structure.js"

/** Every text a person sees, from `locales/`; keys and substitutions are checked against it (`wxt prepare`). */
export const i18n: ReturnType<typeof createI18n<GeneratedI18nStructure>> = createI18n<GeneratedI18nStructure>()
