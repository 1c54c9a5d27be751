import { describe, expect, it } from 'vitest'
import { matchRequest, readTemplate } from './path.ts'

const EVENT = readTemplate('GET,HEAD /events/{event}')
const match = (method: string, path: string, template = EVENT) => {
  if (!template) throw new Error('no template')
  return matchRequest(template, method, path)
}

describe('a template', () => {
  it('says every segment', () => {
    expect(EVENT).toEqual({ methods: ['GET', 'HEAD'], segments: [{ word: 'events' }, { name: 'event' }] })
  })

  for (const text of [
    '',
    '/events',
    'GET',
    'get /events',
    'GET events',
    'GET /events/*',
    'GET /events/{event}/{event}',
    'GET /events/{Event}',
    'GET /events/x{event}',
    'GET //events',
    'GET /events/../x',
    'GET /events/%20',
    'GET /events;a=1',
    'GET /events?x=1',
    'GET /events /x',
  ])
    it(`is not "${text}"`, () => {
      expect(readTemplate(text)).toBeUndefined()
    })
})

describe('a request', () => {
  it('is read when it is plain; the query names nothing', () => {
    expect(match('GET', '/events/evn_1?event=evn_2&x=%2e%2e/')).toEqual({ names: { event: 'evn_1' } })
    expect(match('POST', '/', readTemplate('POST /'))).toEqual({ names: {} })
    expect(match('POST', '/events/', readTemplate('POST /events/'))).toEqual({ names: {} })
  })

  it('has the method and the path that were described', () => {
    expect(match('DELETE', '/events/evn_1')).toEqual({ fault: 'other_method' })
    expect(match('get', '/events/evn_1')).toEqual({ fault: 'other_method' })
    for (const path of [
      '/events',
      '/events/',
      '/events/evn_1/',
      '/events/evn_1/notes',
      '/Events/evn_1',
      '/events/a,b',
      '/',
    ])
      expect(match('GET', path)).toEqual({ fault: 'other_path' })
  })

  for (const path of [
    '',
    'events/evn_1',
    '*',
    'https://calendar.example/events/evn_1',
    '//events/evn_1',
    '/events//evn_1',
    '/public/../events/evn_1',
    '/events/.',
    '/events/..',
    '/events/...',
    '/events/%2e%2e',
    '/events/evn%5F1',
    '/events/a%2fb',
    '/events/a%5Cb',
    '/events/a\\b',
    '/events/evn_1;x=1',
    '/events;x=1/evn_1',
    '/events/evn_1#f',
    '/events/evn_1?a#b',
    '/events/evn_1\u0000',
    '/events/é',
    '/events/evn_1 ',
    '/events/evn_1\n',
  ])
    it(`is ambiguous: ${JSON.stringify(path)}`, () => {
      expect(match('GET', path)).toEqual({ fault: 'path_ambiguous' })
    })
})
