/**
 * RFC 9396 authorization details in plain words. Everything is made from facts that were checked against their schema;
 * nothing that a client wrote is ever a word of ours: names and patterns stay values, which a page sets apart and quotes.
 */
import type { AuthorizationDetail } from '@credence/contracts/authority'
import type { Limits } from '@credence/contracts/limits'
import { listed, type Phrase, quoted } from './phrase.ts'
import { instantInWords } from './time-in-words.ts'

export type Named = { words: Phrase; name: string }
export type Place = { host: string; url: string }

/** One authorization details object, part by part. */
export type DetailInWords = { actions: Named[]; resources: Named[]; places: Place[]; limits: Phrase[] }

export const detailInWords = (detail: AuthorizationDetail): DetailInWords => ({
  actions: detail.actions.map((name) => ({ words: actionInWords(name), name })),
  resources: detail.resources.map((name) => ({ words: resourceInWords(name), name })),
  places: detail.locations.map(placeOf),
  limits: limitsInWords(detail.limits),
})

const HEADING = { details: 2, names: 3 }

/**
 * All of it in one clause: “book and read all calendar events at calendar.acme.example”. A long one is cut short and says
 * so; the whole of it is to be shown beside.
 */
export function authorityInWords(details: AuthorizationDetail[]): Phrase {
  const told = details.slice(0, HEADING.details).map(clause)
  const rest = details.length - told.length
  if (rest > 0) told.push([`${rest} more ${rest === 1 ? 'permission' : 'permissions'}, listed below`])
  return told.flatMap((phrase, at) => (at === 0 ? phrase : [at === told.length - 1 ? ', and ' : ', ', ...phrase]))
}

function clause(detail: AuthorizationDetail): Phrase {
  const wide = detail.actions.filter((name) => name.endsWith('.*'))
  const verbs = [...new Set(detail.actions.filter((name) => !name.endsWith('.*')).map(verbOf))]
  const acts: Phrase[] = [...verbs.map((verb): Phrase => [verb]), ...wide.map(actionInWords)]
  const things = detail.resources.map(resourceInWords)
  const hosts = [...new Set(detail.locations.map((url) => placeOf(url).host))]
  const most = limitsInWords(detail.limits, ['amount', 'total', 'count'])
  return [
    ...listed(short(acts, 'actions')),
    // “read customers”, but “read contact on customers” and “do everything under ‘crm’ on customers”.
    isLong(verbs) || wide.length > 0 || acts.length > HEADING.names ? ' on ' : ' ',
    ...listed(short(things, 'things')),
    ' at ',
    ...listed(
      short(
        hosts.map((value): Phrase => [{ value }]),
        'places',
      ),
    ),
    ...most.flatMap((phrase): Phrase => [', ', ...phrase]),
  ]
}

const isLong = (verbs: string[]): boolean => verbs.some((verb) => verb.includes(' '))

const short = (phrases: Phrase[], what: string): Phrase[] => {
  const rest = phrases.length - HEADING.names
  return rest > 0 ? [...phrases.slice(0, HEADING.names), [`${rest} more ${what}`]] : phrases
}

const spaced = (name: string): string => name.replaceAll(/[-_]/g, ' ')

/** `calendar.book` → “book”. */
const verbOf = (action: string): string => spaced(action.slice(action.lastIndexOf('.') + 1))

function actionInWords(action: string): Phrase {
  return action.endsWith('.*') ? ['do everything under ', quoted(action.slice(0, -2))] : [verbOf(action)]
}

/** `CalendarEvent` → “calendar event”. */
const typeInWords = (type: string): string =>
  type
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .split(' ')
    .map((word) => (/^[A-Z]{2,}$/.test(word) ? word : word.toLowerCase()))
    .join(' ')

const plural = (words: string): string => {
  if (/[^aeiou]y$/.test(words)) return `${words.slice(0, -1)}ies`
  return /(s|x|z|ch|sh)$/.test(words) ? `${words}es` : `${words}s`
}

/** `CalendarEvent::2026/*` → “calendar events whose id begins with ‘2026/’”. */
export function resourceInWords(resource: string): Phrase {
  const cut = resource.indexOf('::')
  const type = typeInWords(resource.slice(0, cut))
  const id = resource.slice(cut + 2)
  if (id === '*') return [`all ${plural(type)}`]
  if (id.endsWith('*')) return [`${plural(type)} whose id begins with `, quoted(id.slice(0, -1))]
  return [`the ${type} `, quoted(id)]
}

/** The host, as a person knows it; the whole URL in the form in which no character can hide. */
export function placeOf(location: string): Place {
  const url = new URL(location)
  return { host: url.host, url: url.href }
}

type Kind = 'amount' | 'total' | 'count' | 'patterns' | 'window'
const KINDS: Kind[] = ['amount', 'total', 'count', 'patterns', 'window']

export function limitsInWords(limits: Limits | undefined, kinds: Kind[] = KINDS): Phrase[] {
  if (!limits) return []
  const { amount, total, count, patterns, window } = limits
  const phrases: Record<Kind, Phrase[]> = {
    amount: amount ? [[`at most ${amount.currency} ${amount.value} each time`]] : [],
    total: total ? [[`at most ${total.currency} ${total.value} in all`]] : [],
    count: count === undefined ? [] : [[count === 1 ? 'once only' : `at most ${count} times in all`]],
    patterns: patterns.map(({ argument, pattern }) => [`only where ${spaced(argument)} `, ...patternInWords(pattern)]),
    window: window ? [[`only from ${instantInWords(window.from)} until ${instantInWords(window.until)}`]] : [],
  }
  return kinds.flatMap((kind) => phrases[kind])
}

function patternInWords(pattern: string): Phrase {
  if (pattern.endsWith('*')) return ['begins with ', quoted(pattern.slice(0, -1))]
  return pattern.startsWith('*') ? ['ends with ', quoted(pattern.slice(1))] : ['is ', quoted(pattern)]
}

/** How often a delegation may be passed on. */
export function depthInWords(depth: number): string {
  if (depth === 0) return 'It may not pass this on to any other agent.'
  const generations =
    depth === 1 ? 'to agents that it starts itself' : `down to ${depth} generations of agents below it`
  return `It may pass this on, or a part of it, ${generations}. Each of them can be given less, never more.`
}
