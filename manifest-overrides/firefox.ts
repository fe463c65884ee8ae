import type { UserManifest } from "wxt"
import { firefoxAddonId } from "../shared/names.js"

export const firefoxManifest = {
  browser_specific_settings: {
    gecko: {
      id: firefoxAddonId,
      strict_min_version: "140.0",
      // Handing a sealed session to the native host counts as transmission, although it is the person's own computer.
      data_collection_permissions: { required: ["authenticationInfo", "websiteContent", "browsingActivity"] },
    },
  },
} satisfies UserManifest
