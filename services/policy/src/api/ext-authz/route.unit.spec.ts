import { describe, expect, it } from 'vitest'
import { readRoute, resourceIdOf } from './route.ts'

const EXTENSIONS = {
  'credence.audience': 'https://calendar.example/api',
  'credence.request': 'GET /calendars/{calendar}/events/{event}',
  'credence.action': 'calendar.read',
  'credence.resource_type': 'CalendarEvent',
  'credence.resource_id': '{calendar}/{event}',
  'credence.sensitivity': 'internal',
}
const read = (more: Record<string, string | undefined> = {}) => {
  const all = Object.entries({ ...EXTENSIONS, ...more }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  return readRoute(Object.fromEntries(all))
}

describe('a route', () => {
  it('says what its requests mean', () => {
    const route = read({ 'credence.obligations': 'mask_fields log_more', virtual_host: 'of somebody else' })
    expect(route).toMatchObject({
      audience: 'https://calendar.example/api',
      origin: 'https://calendar.example',
      action: 'calendar.read',
      resource: { type: 'CalendarEvent', sensitivity: 'internal' },
      obligations: ['mask_fields', 'log_more'],
      readsBody: false,
      keepsCredentials: false,
    })
    if (!route) throw new Error('no route')
    expect(resourceIdOf(route, { calendar: 'team', event: 'evn_1' })).toBe('team/evn_1')
  })

  it('says nothing when a part is missing', () => {
    expect(readRoute({})).toBeUndefined()
    for (const key of Object.keys(EXTENSIONS)) expect(read({ [key]: undefined })).toBeUndefined()
  })

  const wrong: [key: string, text: string][] = [
    ['credence.audience', 'http://calendar.example'],
    ['credence.audience', 'calendar'],
    ['credence.origin', 'https://calendar.example/api'],
    ['credence.request', 'GET /events/*'],
    ['credence.action', 'Read it'],
    ['credence.resource_type', 'calendarEvent'],
    ['credence.resource_id', '{month}'],
    ['credence.resource_id', '{calendar}*'],
    ['credence.resource_id', ''],
    ['credence.sensitivity', 'secret'],
    ['credence.properties', '[]'],
    ['credence.arguments', 'query'],
    ['credence.keep_credentials', 'yes'],
    ['credence.obligation', 'mask_fields'],
  ]
  for (const [key, text] of wrong)
    it(`says nothing when ${key} is "${text}"`, () => {
      expect(read({ [key]: text })).toBeUndefined()
    })
})
