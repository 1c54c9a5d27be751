/** A real Chromium, as Debian packages it, with a fresh profile. */
import { existsSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Where it is; undefined when the machine has none. `CREDENCE_CHROMIUM` names another. */
export const chromiumPath = (): string | undefined =>
  [process.env.CREDENCE_CHROMIUM ?? '', ...PLACES].find((path) => path !== '' && existsSync(path))

export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath(),
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
  })
}

/** The certificates are the test's own. Scripts are off unless asked for: our pages must not need them. */
export const CONTEXT: BrowserContextOptions = {
  ignoreHTTPSErrors: true,
  javaScriptEnabled: false,
  locale: 'en-GB',
  viewport: { width: 1280, height: 900 },
}

/** Width that the content needs, and has (WCAG 2.2, 1.4.10: no scrolling sideways at 320 px). */
export async function widths(page: Page): Promise<{ needed: number; there: number }> {
  const session = await page.context().newCDPSession(page)
  const { cssContentSize, cssLayoutViewport } = await session.send('Page.getLayoutMetrics')
  await session.detach()
  return { needed: cssContentSize.width, there: cssLayoutViewport.clientWidth }
}
