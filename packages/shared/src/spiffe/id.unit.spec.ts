import { describe, expect, it } from 'vitest'
import { parseSpiffeId, workloadIdOf } from './id.ts'

const ID = 'spiffe://acme.example/agent/meeting-scheduler/agt_1'
const malformed = (text: string) =>
  expect(() => parseSpiffeId(text), JSON.stringify(text)).toThrow(
    expect.objectContaining({ status: 'unauthenticated', reason: 'spiffe_id_malformed' }),
  )

describe('SPIFFE IDs', () => {
  it('spiffe-id-grammar: SPIFFE-ID §2.1 and §2.2, names are read as they are written', () => {
    expect(parseSpiffeId(ID)).toEqual({ id: ID, trustDomain: 'acme.example', path: '/agent/meeting-scheduler/agt_1' })
    expect(parseSpiffeId('spiffe://acme.example')).toMatchObject({ trustDomain: 'acme.example', path: '' })
    for (const id of ['spiffe://a', 'spiffe://1.2-3_4/A', 'spiffe://acme.example/...', 'spiffe://a/.b/c..d/_-'])
      expect(parseSpiffeId(id).id).toBe(id)
  })

  it('spiffe-id-grammar: SPIFFE-ID §2.1, no other scheme, and the domain in lower case without port or user', () => {
    for (const text of [
      '',
      'spiffe',
      'spiffe:',
      'spiffe:/acme.example/x',
      'https://acme.example/x',
      'SPIFFE://acme.example/x',
    ])
      malformed(text)
    for (const domain of [
      '',
      'Acme.example',
      'acme.example:8443',
      'user@acme.example',
      'acme%2eexample',
      'äcme.example',
      '[::1]',
    ])
      malformed(`spiffe://${domain}/x`)
  })

  it('spiffe-id-grammar: SPIFFE-ID §2.2, no empty or dotted segment, query, fragment, percent sign or slash at the end', () => {
    for (const path of [
      '/',
      '/a/',
      '//a',
      '/a//b',
      '/.',
      '/..',
      '/a/../b',
      '/a/./b',
      '/a%20b',
      '/a?b',
      '/a#b',
      '/a b',
      '/ä',
    ])
      malformed(`spiffe://acme.example${path}`)
    for (const end of ['?', '#', '\n', '\0', ' ']) {
      malformed(`${ID}${end}`)
      malformed(`spiffe://acme.example${end}`)
    }
    malformed(` ${ID}`)
  })

  it('spiffe-id-grammar: SPIFFE-ID §2.3, at most 2,048 bytes, of which 255 name the domain', () => {
    expect(parseSpiffeId(`spiffe://${'a'.repeat(255)}/x`).path).toBe('/x')
    malformed(`spiffe://${'a'.repeat(256)}/x`)
    const longest = 'spiffe://a/'.padEnd(2_048, 'x')
    expect(parseSpiffeId(longest).id).toBe(longest)
    malformed(`${longest}x`)
  })

  it('spiffe-id-grammar: X509-SVID §4.1 and JWT-SVID §3.1, a workload has a path, and the bundle’s domain', () => {
    expect(workloadIdOf(ID, 'acme.example').id).toBe(ID)
    expect(() => workloadIdOf('spiffe://acme.example', 'acme.example')).toThrow('A trust domain itself is no workload')
    expect(() => workloadIdOf(ID, 'example')).toThrow(expect.objectContaining({ reason: 'trust_domain_mismatch' }))
  })
})
