/**
 * A person at a browser without scripts: keeps cookies, follows redirects and links, reads forms and fills them in. It
 * knows only what stands in the page.
 */

export type Page = { status: number; url: URL; headers: Headers; text: string }
export type Fields = Record<string, string | string[]>
type Form = { action: string; method: string; fields: [string, string][]; buttons: [string, string][]; text: string }

const MOST_STEPS = 16

export function personAt(fetching: typeof fetch) {
  const cookies = new Map<string, string>()

  async function visit(to: URL, form?: URLSearchParams, headers: Record<string, string> = {}): Promise<Page> {
    let [url, body] = [to, form]
    for (let step = 0; step < MOST_STEPS; step++) {
      const response = await fetching(url, {
        method: body ? 'POST' : 'GET',
        ...(body ? { body: body.toString() } : {}),
        headers: {
          cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
          ...(body ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
          ...headers,
        },
        redirect: 'manual',
      })
      keep(response)
      const location = response.headers.get('location')
      if (!location) return { status: response.status, url, headers: response.headers, text: await response.text() }
      await response.body?.cancel()
      url = new URL(location, url)
      // 307 and 308 would keep the form; none of ours, and no log-in page, answers with them.
      body = undefined
    }
    throw new Error(`${to.href} goes round in circles`)
  }
  function keep(response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';')
      const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]
      const gone = attributes.some((one) => /^\s*(max-age=0|expires=thu, 01 jan 1970)/i.test(one))
      if (gone) cookies.delete(name)
      else cookies.set(name, value)
    }
  }
  return {
    cookies,
    open: (url: string | URL, headers?: Record<string, string>) => visit(new URL(url), undefined, headers),
    follow: (page: Page, words: string) => visit(new URL(linkOf(page, words), page.url)),
    post: (url: URL, fields: Fields, headers?: Record<string, string>) =>
      visit(url, paramsOf(fields), { origin: 'null', 'sec-fetch-site': 'same-origin', ...headers }),
    /**
     * Sends the form that holds these fields, with what stands in it already.
     * @param button text of the button that is pressed
     */
    submit: (page: Page, fields: Fields, button?: string, headers?: Record<string, string>) => {
      const form = formWith(page, Object.keys(fields), button)
      const replaced = form.fields.filter(([name]) => !(name in fields))
      const pressed = form.buttons.find(([, text]) => text === button)
      const all = new URLSearchParams([...replaced, ...paramsOf(fields), ...(pressed?.[0] ? [pairOf(pressed[0])] : [])])
      return visit(new URL(form.action, page.url), all, { ...originOf(page), ...headers })
    },
  }
}

export type Person = ReturnType<typeof personAt>

/** What browsers say of where a form stood: nothing but its site when the page asks for that (Fetch §3.1). */
function originOf({ headers, url }: Page): Record<string, string> {
  if (headers.get('referrer-policy') === 'no-referrer') return { origin: 'null', 'sec-fetch-site': 'same-origin' }
  return { origin: url.origin, referer: url.href, 'sec-fetch-site': 'same-origin' }
}

const paramsOf = (fields: Fields): URLSearchParams =>
  new URLSearchParams(
    Object.entries(fields).flatMap(([name, value]) => [value].flat().map((one): [string, string] => [name, one])),
  )
const pairOf = (pair: string): [string, string] => {
  const cut = pair.indexOf('=')
  return [pair.slice(0, cut), pair.slice(cut + 1)]
}

const plain = (html: string): string =>
  html.replaceAll(/&(#\d+|#x[0-9a-f]+|quot|amp|lt|gt);/gi, (_all, name: string) => {
    const named: Record<string, string> = { quot: '"', amp: '&', lt: '<', gt: '>' }
    if (!name.startsWith('#')) return named[name.toLowerCase()] ?? ''
    return String.fromCodePoint(Number(name.replace('#', '').replace(/^x/i, '0x')))
  })

/** What a page says, without its markup. */
export const wordsOf = (page: Pick<Page, 'text'>): string =>
  plain(
    page.text
      .replaceAll(/<(style|script)[^>]*>[\s\S]*?<\/\1>/g, ' ')
      .replaceAll(/<\/?(bdi|strong|code|em|small|span|mark|wbr)\b[^>]*>/g, '')
      .replaceAll(/<[^>]+>/g, ' '),
  )
    .replaceAll(/\s+/g, ' ')
    .trim()

const attribute = (tag: string, name: string): string | undefined => {
  const found = new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, 'i').exec(tag)
  return found ? plain(found[1] ?? found[2] ?? found[3] ?? '') : undefined
}

function linkOf(page: Page, words: string): string {
  for (const [, tag = '', inner = ''] of page.text.matchAll(/<a\b([^>]*)>([\s\S]*?)<\/a>/g))
    if (wordsOf({ text: inner }).includes(words)) return attribute(` ${tag}`, 'href') ?? ''
  throw new Error(`there is no link "${words}" on ${page.url.pathname}: ${wordsOf(page).slice(0, 300)}`)
}

function formsOf(page: Page): Form[] {
  return [...page.text.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].map(([, tag = '', inner = '']) => {
    const fields: [string, string][] = []
    for (const [, input = ''] of inner.matchAll(/<input\b([^>]*)>/g)) {
      const [name, type = 'text'] = [attribute(input, 'name'), attribute(input, 'type')]
      if (!name || ['submit', 'button', 'image'].includes(type)) continue
      const ticks = type === 'checkbox' || type === 'radio'
      if (ticks && !/\schecked/i.test(input)) continue
      fields.push([name, attribute(input, 'value') ?? (ticks ? 'on' : '')])
    }
    for (const [, area = '', text = ''] of inner.matchAll(/<textarea\b([^>]*)>([\s\S]*?)<\/textarea>/g))
      fields.push([attribute(area, 'name') ?? '', plain(text)])
    for (const [, select = '', options = ''] of inner.matchAll(/<select\b([^>]*)>([\s\S]*?)<\/select>/g)) {
      const all = [...options.matchAll(/<option\b([^>]*)>/g)].map(([, option = '']) => option)
      const chosen = all.find((option) => /\sselected/i.test(option)) ?? all[0] ?? ''
      fields.push([attribute(select, 'name') ?? '', attribute(chosen, 'value') ?? ''])
    }
    const buttons = [...inner.matchAll(/<button\b([^>]*)>([\s\S]*?)<\/button>/g)].map(
      ([, button = '', text = '']): [string, string] => {
        const name = attribute(button, 'name')
        return [name ? `${name}=${attribute(button, 'value') ?? ''}` : '', wordsOf({ text })]
      },
    )
    const named = fields.filter(([name]) => name !== '')
    return {
      action: attribute(tag, 'action') ?? page.url.href,
      method: attribute(tag, 'method') ?? 'get',
      fields: named,
      buttons,
      text: inner,
    }
  })
}

/** Where the form with these fields goes: for whoever sends what does not stand in it. */
export const actionOf = (page: Page, names: string[]): URL => new URL(formWith(page, names, undefined).action, page.url)

function formWith(page: Page, names: string[], button: string | undefined): Form {
  const fits = ({ text, buttons }: Form) =>
    names.every((name) => text.includes(`name="${name}"`)) &&
    (button === undefined || buttons.some(([, words]) => words === button))
  const found = formsOf(page).find(fits)
  if (found) return found
  throw new Error(
    `no form with ${names.join(', ')} ${button ?? ''} on ${page.url.href} (${page.status}): ${wordsOf(page).slice(0, 400)}`,
  )
}
