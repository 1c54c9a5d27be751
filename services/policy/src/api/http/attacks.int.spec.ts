/** What somebody on the network may try, with and without a good certificate. */
import { readFileSync } from 'node:fs'
import { connect, type TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { EVALUATION, type Listening, listening, QUESTION } from '../../testing/listening.ts'
import { MAX_CONNECTIONS } from './serve.ts'

const SETTINGS = { requestTimeout: 1_500, headersTimeout: 1_000, connectionsCheckingInterval: 100 }

let place: Listening
let point: ReturnType<Listening['client']>
let files: Awaited<ReturnType<Listening['issue']>>
const json = { 'content-type': 'application/json' }

beforeAll(async () => {
  place = await listening(SETTINGS)
  files = await place.issue('enforcement-point/calendar')
  point = place.client(files)
})
afterEach(() => {
  place.asked.length = 0
})
afterAll(() => place.close())

const send = async (body: string, headers: Record<string, string> = json, path = EVALUATION) => {
  const answer = await point(path, { method: 'POST', body, headers })
  return { status: answer.status, text: await answer.text(), headers: answer.headers }
}
const good = JSON.stringify(QUESTION)

function open(certified = true): Promise<TLSSocket> {
  const pair = certified ? { cert: readFileSync(files.certFile), key: readFileSync(files.keyFile) } : {}
  const socket = connect({
    host: '127.0.0.1',
    port: place.port,
    servername: 'localhost',
    ca: readFileSync(place.caFile),
    ...pair,
  })
  return new Promise((resolve, reject) => {
    socket.once('secureConnect', () => resolve(socket))
    socket.once('error', reject)
  })
}

/** Everything that comes until the other side closes, or a little while has passed. */
function heard(socket: TLSSocket, ms = 1_500): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const end = () => {
      clearTimeout(timer)
      socket.destroy()
      resolve(text)
    }
    const timer = setTimeout(end, ms)
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('close', end)
    socket.on('error', end)
  })
}
const raw = async (text: string, ms?: number) => {
  const socket = await open()
  socket.write(text)
  return heard(socket, ms)
}
const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status))
const head = (more: string[]) =>
  [`POST ${EVALUATION} HTTP/1.1`, 'host: localhost', 'content-type: application/json', ...more, '', ''].join('\r\n')

describe('bodies', () => {
  it('too large: 413 as soon as it is said, or has come, and the connection is closed', async () => {
    expect((await send(`{"a":"${'x'.repeat(70_000)}"}`)).status).toBe(413)
    expect((await send(`{"a":"${'x'.repeat(1_100_000)}"}`, json, '/access/v1/evaluations')).status).toBe(413)
    const chunked = `${head(['transfer-encoding: chunked'])}ffffff\r\n${'x'.repeat(100_000)}`
    const text = await raw(chunked)
    expect(statuses(text)).toEqual([413])
    expect(text.toLowerCase()).toContain('connection: close')
    expect(place.asked).toEqual([])
  })

  it('a large one of many questions is taken, a large one of one is not', async () => {
    const evaluations = Array.from({ length: 100 }, () => ({
      resource: { ...QUESTION.resource, properties: { pad: 'x'.repeat(2_000) } },
    }))
    const body = JSON.stringify({ ...QUESTION, evaluations })
    expect((await send(body, json, '/access/v1/evaluations')).status).toBe(200)
    expect((await send(body)).status).toBe(413)
  })

  it('deep, doubled, half, empty or of another type: 400 with one sentence', async () => {
    for (const [body, why] of [
      [`{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`, 'nested deeper'],
      [good.replace('"action"', '"action":{"name":"x.y"},"action"'), 'the name "action" twice'],
      [good.replace('"sensitivity"', '"sensitivity":"public","sensitivit\\u0079"'), 'the name "sensitivity" twice'],
      [good.replace('2026/11', '\\ud800'), 'half of a surrogate pair'],
      ['', 'is empty'],
      ['x', 'is not JSON'],
      ['[]', 'must be a JSON object'],
    ] as const) {
      const { status, text, headers } = await send(body)
      expect(status, why).toBe(400)
      expect(text).toContain(why)
      expect(headers.get('content-type')).toBe('text/plain; charset=utf-8')
    }
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx', 'text/json', ''])
      expect((await send(good, { 'content-type': type })).status, type).toBe(400)
    for (const type of ['application/json; charset=utf-8', 'Application/JSON'])
      expect((await send(good, { 'content-type': type })).status, type).toBe(200)
  })

  it('members like __proto__ change nothing', async () => {
    const body = good.replace(
      '{"subject"',
      '{"__proto__":{"details":true},"constructor":{"prototype":{"decision":true}},"subject"',
    )
    expect(await send(body)).toMatchObject({ status: 200, text: '{"decision":false}' })
    expect(Object.keys(Object.prototype)).toEqual([])
  })

  it('nothing of a body comes back, and no stack', async () => {
    const { text } = await send(good.replace('2026/11', `secret-${'x'.repeat(300)}`))
    expect(text).toBe('resource.id: must be at most 256 characters')
  })
})

describe('slowness', () => {
  it('a body that does not come ends the request in time, and others are answered meanwhile', async () => {
    const socket = await open()
    socket.write(`${head(['content-length: 100'])}{"a":`)
    const begun = Date.now()
    expect((await send(good)).status).toBe(200)
    const text = await heard(socket, SETTINGS.requestTimeout + 5_000)
    expect(statuses(text)).toEqual([408])
    expect(Date.now() - begun).toBeLessThan(SETTINGS.requestTimeout + 2_000)
    expect(place.asked.length).toBe(1)
  })

  it('headers that do not come end the connection', async () => {
    const socket = await open(false)
    socket.write('POST /access')
    expect(statuses(await heard(socket, SETTINGS.headersTimeout + 5_000))).toEqual([408])
  })

  it('a client that goes away in the middle costs nothing and breaks nothing', async () => {
    for (let times = 0; times < 20; times++) {
      const socket = await open()
      socket.write(`${head(['content-length: 1000'])}{"a":`)
      socket.destroy()
    }
    expect((await send(good)).status).toBe(200)
  })

  it('a bad token, long before its body, is refused at once and ends nothing', async () => {
    const socket = await open(false)
    socket.write(head(['content-length: 5', 'authorization: Bearer a.b.c']))
    const text = heard(socket, 800)
    await new Promise((resolve) => setTimeout(resolve, 200))
    socket.write('{"a":')
    expect(statuses(await text)).toEqual([401])
    const untyped = `POST ${EVALUATION} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer a.b.c\r\ncontent-length: 0\r\n\r\n`
    expect(statuses(await raw(untyped, 300))).toEqual([401])
    expect((await send(good)).status).toBe(200)
  })

  it(`hundreds of idle connections do not keep out others; ${MAX_CONNECTIONS} are the most`, async () => {
    const idle = await Promise.all(Array.from({ length: 300 }, () => open(false)))
    expect((await send(good)).status).toBe(200)
    for (const socket of idle) socket.destroy()
  })
})

describe('smuggling', () => {
  const asked = `content-length: ${Buffer.byteLength(good)}`

  it('RFC 9112 §6.3: two lengths, or a length and chunks, are refused', async () => {
    for (const lines of [
      [asked, 'content-length: 4'],
      [asked, 'transfer-encoding: chunked'],
      ['content-length: 4, 4'],
      ['content-length: +4'],
      ['content-length: 0x4'],
      ['transfer-encoding: gzip, chunked, identity'],
      ['transfer-encoding : chunked'],
      ['transfer-encoding: xchunked'],
    ])
      expect(statuses(await raw(head(lines) + good, 800)), lines.join()).toEqual([400])
    expect(place.asked).toEqual([])
  })

  it('what follows a request that was refused unread is not taken for another request', async () => {
    const anonymous = await open(false)
    anonymous.write(
      `${head([asked]) + good + head([asked])}${good}GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n`,
    )
    expect(statuses(await heard(anonymous))).toEqual([401, 401, 200])
    const inner = head([asked]) + good
    const text = await raw(
      `POST /nowhere HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${inner.length}\r\n\r\n${inner}`,
    )
    expect(statuses(text)).toEqual([404])
    expect(place.asked).toEqual([])
  })

  it('requests in a row on one connection are answered in their order', async () => {
    const two =
      head([asked, 'x-request-id: one']) + good + head([asked, 'x-request-id: two', 'connection: close']) + good
    const text = await raw(two)
    expect(statuses(text)).toEqual([200, 200])
    expect(text.indexOf('x-request-id: one')).toBeLessThan(text.indexOf('x-request-id: two'))
  })

  it('headers that stand there twice and would be read in two ways are refused', async () => {
    for (const lines of [['authorization: Bearer a.b.c', 'authorization: Bearer d.e.f'], ['content-type: text/plain']])
      expect(statuses(await raw(head([asked, ...lines]) + good, 800))).toEqual([400])
  })
})

describe('X-Request-ID', () => {
  it('Authorization API 1.0 §request-identification: comes back as it came, with answers and refusals', async () => {
    for (const id of ['bfe9eb29-ab87-4ca3-be83-a1d5d8305716', 'a b "c" <d>', 'x'.repeat(128)]) {
      const { headers } = await send(good, { ...json, 'x-request-id': id })
      expect(headers.get('x-request-id')).toBe(id)
      expect(place.asked.at(-1)?.asked.requestId).toBe(id)
      expect((await send('x', { ...json, 'x-request-id': id })).headers.get('x-request-id')).toBe(id)
    }
  })

  it('does not come back when it could be read as something else, is too long, or stands there twice', async () => {
    for (const id of ['x'.repeat(129), 'café'])
      expect((await send(good, { ...json, 'x-request-id': id })).headers.get('x-request-id')).toBeNull()
    expect(place.asked.map((one) => one.asked.requestId)).toEqual(['', ''])
    for (const bad of ['a\rset-cookie: b=c', 'a\nset-cookie: b=c', 'a\u0000b'])
      expect(
        statuses(await raw(`POST ${EVALUATION} HTTP/1.1\r\nhost: localhost\r\nx-request-id: ${bad}\r\n\r\n`, 800)),
      ).toEqual([400])
    const asked = `content-length: ${Buffer.byteLength(good)}`
    const text = await raw(head([asked, 'x-request-id: one', 'x-request-id: two', 'connection: close']) + good)
    expect(statuses(text)).toEqual([200])
    expect(text).not.toContain('x-request-id')
  })
})

describe('routes', () => {
  it('unknown paths are 404, other methods 405; neither asks who it is', async () => {
    const anonymous = place.client()
    for (const path of [
      '/',
      '/access/v1/evaluation/',
      '/access/v1',
      '/ACCESS/V1/EVALUATION',
      '//access/v1/evaluation',
      '/access/v1/requests/',
      '/.well-known/authzen-configuration/tenant1',
      '/%61ccess/v1/evaluation',
    ])
      expect((await anonymous(path, { method: 'POST', body: good, headers: json })).status, path).toBe(404)
    const wrong = await anonymous(EVALUATION)
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST'])
    expect((await anonymous('/.well-known/authzen-configuration', { method: 'POST' })).status).toBe(405)
    expect(place.asked).toEqual([])
  })

  it('a query changes nothing', async () => {
    expect((await send(good, json, `${EVALUATION}?details=true`)).text).toBe('{"decision":false}')
  })
})
