/**
 * The smallest browser: follows redirects, keeps cookies, and fills in the real log-in form. What a person would do, for
 * the demo and the tests.
 */

type Jar = Map<string, string>

const MOST_STEPS = 12

/** @returns the URL that the provider sends the browser back to (not fetched) @throws Error when the log-in is refused */
export async function logInWithBrowser(
  start: string,
  who: { login: string; password: string },
  fetching: typeof fetch,
): Promise<URL> {
  const jar: Jar = new Map()
  let url = new URL(start)
  let form: URLSearchParams | undefined
  for (let step = 0; step < MOST_STEPS; step++) {
    if (url.hostname === '127.0.0.1') return url
    const response = await send(url, form, jar, fetching)
    const location = response.headers.get('location')
    if (location) {
      url = new URL(location, url)
      form = undefined
      continue
    }
    const page = await response.text()
    const action = /<form[^>]*\baction="([^"]+)"/.exec(page)?.[1]
    if (response.status !== 200 || !action)
      throw new Error(`the log-in page answered ${response.status}: ${problemOf(page)}`)
    url = new URL(action.replaceAll('&#38;', '&'), url)
    form = new URLSearchParams({ login: who.login, password: who.password })
  }
  throw new Error('the log-in goes round in circles')
}

async function send(url: URL, form: URLSearchParams | undefined, jar: Jar, fetching: typeof fetch): Promise<Response> {
  const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
  const response = await fetching(url, {
    method: form ? 'POST' : 'GET',
    body: form,
    headers: cookie ? { cookie } : {},
    redirect: 'manual',
  })
  for (const line of response.headers.getSetCookie()) {
    const [pair = ''] = line.split(';')
    const cut = pair.indexOf('=')
    jar.set(pair.slice(0, cut), pair.slice(cut + 1))
  }
  return response
}

const problemOf = (page: string): string => /role="alert">([^<]+)</.exec(page)?.[1] ?? 'no form'
