import type { UserManifest } from "wxt"
import { firefoxAddonId } from "../shared/names.js"
import { baseManifest } from "./base.js"

export const firefoxManifest = {
  permissions: [
    ...baseManifest.permissions,
    // The name of a tab's container, which is a cookie store of its own. Firefox asks no question about it.
    "contextualIdentities",
  ],
  browser_specific_settings: {
    gecko: {
      id: firefoxAddonId,
      // Older ones tell a frame neither what is around it nor which document it is: its storage could not be told apart
      // from the site's own.
      strict_min_version: "153.0",
      // Handing a sealed session to the native host counts as transmission, although it is the person's own computer.
      data_collection_permissions: { required: ["authenticationInfo", "websiteContent", "browsingActivity"] },
    },
  },
} satisfies UserManifest
