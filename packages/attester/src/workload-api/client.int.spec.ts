import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type SpiffeWorkloadAPIServer, SpiffeWorkloadAPIService } from '@credence/contracts/gen/spiffe/workload'
import { Server, ServerCredentials, status } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openWorkloadApi, type WorkloadApi } from './client.ts'

// What a real SPIRE agent answers is in services/attestation/src/adapters/verifiers/spiffe-svid/spire.int.spec.ts; this
// is what it seldom does.
const folder = mkdtempSync(join(tmpdir(), 'wl-'))
const socket = `unix://${join(folder, 'a.sock')}`
const certificate = Buffer.from([0x30, 1, 7])
const svid = (spiffeId: string) => ({
  spiffeId,
  x509Svid: Buffer.concat([certificate, certificate]),
  x509SvidKey: Buffer.from('key'),
  bundle: certificate,
  hint: '',
})
let answers: { svids: ReturnType<typeof svid>[] } | 'denied' | 'silent'
const seen: string[] = []
const implementation: SpiffeWorkloadAPIServer = {
  fetchX509Svid: (call) => {
    seen.push(String(call.metadata.get('workload.spiffe.io')))
    if (answers === 'denied')
      return void call.emit('error', { code: status.PERMISSION_DENIED, details: 'no identity issued' })
    if (answers === 'silent') return void call.end()
    call.write(answers)
  },
  fetchJwtsvid: (call, callback) => {
    seen.push(String(call.metadata.get('workload.spiffe.io')))
    if (answers === 'denied') return callback({ code: status.PERMISSION_DENIED, details: 'no identity issued' })
    if (answers === 'silent') return callback(null, { svids: [] })
    const { audience, spiffeId } = call.request
    callback(null, { svids: answers.svids.map((one) => ({ ...one, svid: [...audience, spiffeId].join() })) })
  },
}
const server = new Server()
let api: WorkloadApi
beforeAll(async () => {
  server.addService(SpiffeWorkloadAPIService, implementation)
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(socket, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve())),
  )
  api = openWorkloadApi(socket)
})
afterAll(() => {
  api.close()
  server.forceShutdown()
  rmSync(folder, { recursive: true })
})
const refused = (code: string) => expect.objectContaining({ code })

describe('the Workload API', () => {
  it('is asked with its metadata, and gives the first SVID or the one that is named', async () => {
    answers = { svids: [svid('spiffe://a/one'), svid('spiffe://a/two')] }
    const first = await api.fetchX509Svid()
    expect(first).toMatchObject({ spiffeId: 'spiffe://a/one', key: Buffer.from('key') })
    expect(first.chain.map((der) => Buffer.from(der))).toEqual([certificate, certificate])
    expect((await api.fetchX509Svid('spiffe://a/two')).spiffeId).toBe('spiffe://a/two')
    expect(await api.fetchJwtSvid(['x', 'y'], 'spiffe://a/two')).toBe('x,y,spiffe://a/two')
    expect(new Set(seen)).toEqual(new Set(['true']))
  })

  it('that has no identity for us, or not this one, or answers nothing, is an error that says so', async () => {
    answers = { svids: [svid('spiffe://a/one')] }
    await expect(api.fetchX509Svid('spiffe://a/two')).rejects.toThrow(refused('svid_denied'))
    await expect(api.fetchJwtSvid(['x'], 'spiffe://a/two')).rejects.toThrow(refused('svid_denied'))
    answers = { svids: [] }
    await expect(api.fetchX509Svid()).rejects.toThrow(refused('svid_denied'))
    answers = { svids: [{ ...svid('spiffe://a/one'), x509Svid: Buffer.alloc(0) }] }
    await expect(api.fetchX509Svid()).rejects.toThrow(refused('svid_unavailable'))
    answers = { svids: [{ ...svid('spiffe://a/one'), x509Svid: Buffer.from('x') }] }
    await expect(api.fetchX509Svid()).rejects.toThrow(refused('svid_unavailable'))
    answers = 'denied'
    await expect(api.fetchX509Svid()).rejects.toThrow(refused('svid_denied'))
    await expect(api.fetchJwtSvid(['x'])).rejects.toThrow(refused('svid_denied'))
    answers = 'silent'
    await expect(api.fetchX509Svid()).rejects.toThrow(refused('svid_unavailable'))
    const nobody = openWorkloadApi(`unix://${join(folder, 'nobody.sock')}`)
    await expect(nobody.fetchX509Svid()).rejects.toThrow(refused('svid_unavailable'))
    nobody.close()
  })

  it('is reached by a unix socket and by nothing else', () => {
    for (const address of [
      'tcp://127.0.0.1:1',
      'http://x',
      '',
      'unix:relative.sock',
      'unix://relative.sock',
      '/a.sock',
    ])
      expect(() => openWorkloadApi(address), address).toThrow('must be like')
  })
})
