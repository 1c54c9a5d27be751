/** The frame of every page: plain HTML that works without scripts, by keyboard, read aloud and at any zoom. */
import { createHash } from 'node:crypto'
import type { Context as Http } from 'hono'
import { html, raw } from 'hono/html'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Phrase } from '../../../domain/phrase.ts'
import { runsOf } from '../../../domain/statement.ts'
import type { Visitor } from './session.ts'
import { STYLE } from './style.ts'

export type Html = ReturnType<typeof html>
export type Where = 'delegations' | 'delegate' | 'requests'

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

/** Nothing may be fetched, framed or run. @param formTargets origins, besides ours, that an answer may lead to */
export const contentSecurityPolicy = (formTargets: string[] = []): string =>
  [
    "default-src 'none'",
    `style-src 'sha256-${STYLE_HASH}'`,
    `form-action ${["'self'", ...formTargets].join(' ')}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ')

export type PageParts = {
  title: string
  body: Html
  where?: Where
  wide?: boolean
  status?: ContentfulStatusCode
}

const LINKS: [Where, string][] = [
  ['delegations', 'Delegations'],
  ['delegate', 'Delegate'],
  ['requests', 'Answer a request'],
]

/** @param visitor who is signed in; without one the page has no navigation */
export function showPage(http: Http, visitor: Visitor | undefined, parts: PageParts): Response | Promise<Response> {
  return http.html(
    html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${parts.title} · Credence</title>
<style>${raw(STYLE)}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header class="top"><div>
<a class="brand" href="/delegations">Credence</a>
${visitor ? navigation(visitor, parts.where) : ''}
</div></header>
<main id="content" tabindex="-1"${parts.wide ? raw(' class="wide"') : ''}>
${parts.body}
</main>
</body>
</html>`,
    parts.status ?? 200,
  )
}

const navigation = (visitor: Visitor, where: Where | undefined): Html => html`<nav aria-label="Pages"><ul class="plain">
${LINKS.map(([name, text]) => html`<li><a href="/${name}"${where === name ? raw(' aria-current="page"') : ''}>${text}</a></li>`)}
</ul></nav>
<div class="who"><span>${named(visitor.name || visitor.human)} <span class="soft">· ${named(visitor.providerName)}</span></span>
<form method="post" action="/sign-out">${token(visitor)}<button class="link" type="submit">Sign out</button></form></div>`

/** The synchronizer token of the session: a form without it changes nothing. */
export const token = (visitor: Visitor): Html => html`<input type="hidden" name="csrf" value="${visitor.csrf}">`

/** Our words, with values set apart so that none can pass for a word of ours. */
export const show = (phrase: Phrase): Html =>
  html`${phrase.map((part) => {
    if (typeof part === 'string') return part
    return part.quoted
      ? html`“<bdi class="value">${clipped(part.value)}</bdi>”`
      : html`<bdi class="whole">${breakable(part.value)}</bdi>`
  })}`

/** A host stays whole if it can, and breaks after its dots if it must. */
const breakable = (value: string): Html =>
  html`${clipped(value)
    .split(/(?<=\.)/)
    .map((part) => html`${part}<wbr>`)}`

const LONGEST = 120
const clipped = (value: string): string => (value.length > LONGEST ? `${value.slice(0, LONGEST - 1)}…` : value)

/** What somebody else wrote, made harmless, with every word that can deceive the eye marked and explained. */
export const foreign = (text: string, most?: number): Html =>
  html`<bdi>${runsOf(text, most).map(({ text: run, warning }) =>
    warning ? html`<mark>${run}</mark> <small>(this word ${warning})</small>` : run,
  )}</bdi>`

/** A name, from a directory that is not ours. */
export const named = (name: string): Html => foreign(name, 80)

export const notice = (kind: 'good' | 'bad' | 'plain', body: Html | string): Html =>
  html`<div class="notice ${kind}" role="${kind === 'bad' ? 'alert' : 'status'}">${body}</div>`
