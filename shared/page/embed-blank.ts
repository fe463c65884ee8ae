/**
 * Puts a frame into a blank page and waits until it has loaded; answers with nothing. A frame that the browser blocks (http
 * below https) never loads: three seconds are enough for one that is answered on the spot.
 */
export async function embedBlank({ url }: { url: string }): Promise<void> {
  const frame = document.createElement("iframe")
  const loaded = new Promise((resolve) => {
    frame.addEventListener("load", resolve, { once: true })
    setTimeout(resolve, 3000)
  })
  frame.src = url
  document.documentElement.append(frame)
  await loaded
}
