import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { readClusters } from './clusters.ts'
import { createReviews } from './review.ts'

const folder = mkdtempSync(join(tmpdir(), 'credence-clusters-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = join(folder, 'clusters.json')
const read = (content: unknown) => {
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return readClusters(file)
}
const ISSUER = 'https://kubernetes.default.svc.cluster.local'
const access = { server: 'https://10.0.0.1:6443', ca_file: '/etc/ca.pem', token_file: '/run/token' }

describe('the file of clusters', () => {
  it('gives access by issuer; without a file nobody is asked', () => {
    expect(read({ [ISSUER]: { ...access, server: 'https://10.0.0.1:6443/' } })).toEqual(new Map([[ISSUER, access]]))
    expect(readClusters(undefined)).toEqual(new Map())
  })

  it.each([
    ['it cannot be read', () => readClusters(join(folder, 'none'))],
    ['it is no JSON', () => read('{')],
    ['it is a list', () => read([access])],
    ['a server is not https', () => read({ [ISSUER]: { ...access, server: 'http://10.0.0.1' } })],
    ['a file is missing', () => read({ [ISSUER]: { ...access, ca_file: undefined } })],
    ['a member is not known', () => read({ [ISSUER]: { ...access, insecure_skip_tls_verify: true } })],
    [
      'an authority cannot be read',
      () => createReviews(read({ [ISSUER]: { ...access, ca_file: join(folder, 'none') } })),
    ],
  ])('stops the service by the name of its variable when %s', (_, start) =>
    expect(start).toThrow(/^CREDENCE_KUBERNETES_CLUSTERS_FILE: /),
  )
})
