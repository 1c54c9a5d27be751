/** Authorization details as a person reads them, and as they tick parts of them. */
import type { AuthorizationDetail } from '@credence/contracts/authority'
import { html, raw } from 'hono/html'
import { listed } from '../../../domain/phrase.ts'
import { detailInWords, type Named } from '../../../domain/words.ts'
import { type Html, show } from './page.ts'

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** Every part of every detail; nothing is left out or cut short. */
export const authorityList = (details: AuthorizationDetail[]): Html =>
  html`${details.map((detail) => {
    const { actions, resources, places, limits } = detailInWords(detail)
    return html`<div class="card permission"><dl class="facts">
<dt>May</dt><dd>${lines(actions)}</dd>
<dt>With</dt><dd>${lines(resources)}</dd>
<dt>At</dt><dd><ul class="plain">${places.map(({ host, url }) => html`<li>${host} <small class="soft"><code>${url}</code></small></li>`)}</ul></dd>
${limits.length > 0 ? html`<dt>Only</dt><dd><ul class="plain">${limits.map((limit) => html`<li>${show(limit)}</li>`)}</ul></dd>` : ''}
</dl></div>`
  })}`

const lines = (all: Named[]): Html =>
  html`<ul class="plain">${all.map(({ words, name }) => html`<li>${show(words)} <small class="soft"><code>${name}</code></small></li>`)}</ul>`

/** What is ticked, by the place of the detail and of the name in it: `d0.actions` holds `1`. */
export type Ticked = (field: string, at: number) => boolean

export type Boxes = {
  ticked: Ticked
  error: (field: string) => Html | ''
  /** What stands below a box: a field that narrows it further. */
  below?: (field: string, at: number, name: string) => Html | ''
  /** What stands at the end of a detail. */
  atEnd?: (at: number, detail: AuthorizationDetail) => Html | ''
}

/** The same with a box to tick at every part. */
export const authorityBoxes = (details: AuthorizationDetail[], boxes: Boxes): Html =>
  html`${details.map((detail, at) => {
    const { actions, resources, places, limits } = detailInWords(detail)
    const hosts = places.map(({ url, host }): Named => ({ words: [host], name: url }))
    const [only, another] = places
    return html`<fieldset class="part"><legend>${details.length > 1 ? `Permission ${at + 1}: at ` : 'At '}${places.map(({ host }) => host).join(', ')}</legend>
${another ? '' : html`<p class="small soft"><code>${only?.url}</code></p>`}
${group(boxes, `d${at}.actions`, 'It may', actions)}
${group(boxes, `d${at}.resources`, 'With', resources)}
${another ? group(boxes, `d${at}.locations`, 'At', hosts) : ''}
${limits.length > 0 ? html`<p class="small">Limits: ${show(listed(limits))}.</p>` : ''}
${boxes.atEnd?.(at, detail) ?? ''}
</fieldset>`
  })}`

const group = ({ ticked, error, below }: Boxes, field: string, title: string, all: Named[]): Html =>
  html`<fieldset class="group"><legend>${title}</legend>${error(field)}
${all.map(({ words, name }, index) => {
  const id = `${field}.${index}`
  return html`<div class="tick"><input type="checkbox" id="${id}" name="${field}" value="${index}"${ticked(field, index) ? raw(' checked') : ''}>
<label for="${id}">${capitalised(words)} <small class="soft"><code>${name}</code></small></label></div>${below?.(field, index, name) ?? ''}`
})}</fieldset>`

const capitalised = ([first, ...rest]: Named['words']): Html =>
  show(typeof first === 'string' ? [capital(first), ...rest] : first === undefined ? rest : [first, ...rest])

/** What is left when only what is ticked is kept; a detail of which nothing is ticked is gone. */
export function narrowed(details: AuthorizationDetail[], form: URLSearchParams): AuthorizationDetail[] {
  return details.flatMap((detail, at) => {
    const kept = (field: 'actions' | 'resources' | 'locations'): string[] => {
      const indices = new Set(form.getAll(`d${at}.${field}`))
      return detail[field].filter((_name, index) => indices.has(String(index)))
    }
    const locations = detail.locations.length > 1 ? kept('locations') : detail.locations
    const [actions, resources] = [kept('actions'), kept('resources')]
    const isGone = actions.length === 0 || resources.length === 0 || locations.length === 0
    return isGone ? [] : [{ ...detail, locations, actions, resources }]
  })
}
