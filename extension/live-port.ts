/** Under this name the popup and the dashboard are connected to the background while they are on the screen. */
export const livePort = "live"
