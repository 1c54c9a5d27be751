/** Whatever is done to a manifest: it is refused by a code that has a sentence, or it says what the genuine one says. */
import { signManifest } from '@credence/attester/manifest/sign'
import { readAgentManifest } from '@credence/contracts/attestation/agent-manifest'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { agentManifest } from '../../../domain/kinds/agent-manifest.ts'
import { agentManifestVerifier, readManifestBundle } from './agent-manifest.ts'
import { about, newBuilder, statement } from './testing.ts'

const builder = newBuilder()
const genuine = Buffer.from(signManifest(statement(), builder.key))
const verify = (content: Uint8Array) => agentManifestVerifier.verify(content, about([builder.anchor]))
const expected = await verify(genuine)

async function refusedOrTheSame(content: Uint8Array): Promise<void> {
  const answer = await verify(content)
  if ('refused' in answer) expect(agentManifest.reasons).toHaveProperty(answer.refused)
  else expect(answer).toEqual(expected)
}

describe('a manifest that was tampered with', () => {
  it('is genuine to begin with', () => expect(expected).toHaveProperty('claims'))

  it('by a flipped bit', () =>
    fc.assert(
      fc.asyncProperty(fc.nat({ max: genuine.length - 1 }), fc.nat({ max: 7 }), (at, bit) => {
        const flipped = Buffer.from(genuine)
        flipped[at] = (flipped[at] ?? 0) ^ (1 << bit)
        return refusedOrTheSame(flipped)
      }),
      { numRuns: 500 },
    ))

  it('by a cut', () =>
    fc.assert(
      fc.asyncProperty(fc.nat({ max: genuine.length - 1 }), fc.nat({ max: 100 }), (at, length) =>
        refusedOrTheSame(Buffer.concat([genuine.subarray(0, at), genuine.subarray(at + length)])),
      ),
      { numRuns: 300 },
    ))

  it('by bytes put in', () =>
    fc.assert(
      fc.asyncProperty(fc.nat({ max: genuine.length }), fc.uint8Array({ minLength: 1, maxLength: 20 }), (at, bytes) =>
        refusedOrTheSame(Buffer.concat([genuine.subarray(0, at), bytes, genuine.subarray(at)])),
      ),
      { numRuns: 300 },
    ))

  /** Any member of the bundle, at any depth, replaced by any JSON value. */
  it('by a member of another type', () =>
    fc.assert(
      fc.asyncProperty(fc.nat(), fc.jsonValue(), (pick, value) => {
        const bundle = JSON.parse(genuine.toString())
        const places = placesIn(bundle)
        const [holder, name] = places[pick % places.length] as Place
        holder[name] = value
        return refusedOrTheSame(Buffer.from(JSON.stringify(bundle)))
      }),
      { numRuns: 500 },
    ))

  it('by nesting', async () => {
    for (const depth of [10, 100, 100_000]) {
      await refusedOrTheSame(Buffer.from(`${'['.repeat(depth)}${genuine}${']'.repeat(depth)}`))
      await refusedOrTheSame(Buffer.from('{"dsseEnvelope":'.repeat(depth)))
    }
  })
})

describe('the statement inside', () => {
  const text = statement().toString()

  it('is never read as something else when a builder signs what is malformed', () =>
    fc.assert(
      fc.property(fc.nat(), fc.jsonValue(), (pick, value) => {
        const one = JSON.parse(text)
        const places = placesIn(one)
        const [holder, name] = places[pick % places.length] as Place
        holder[name] = value
        const { value: read, refused } = readAgentManifest(Buffer.from(JSON.stringify(one)))
        if (read) expect(JSON.parse(statementOf(read))).toEqual(one)
        else expect(agentManifest.reasons).toHaveProperty(String(refused))
      }),
      { numRuns: 1000 },
    ))

  it('never makes a parser throw', () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat({ max: text.length }), (bytes, at) => {
        const content = Buffer.concat([Buffer.from(text.slice(0, at)), bytes, Buffer.from(text.slice(at))])
        expect(readAgentManifest(content)).toBeTypeOf('object')
        expect(readManifestBundle(content)).toBeTypeOf('object')
        expect(readManifestBundle(bytes)).toBeTypeOf('object')
      }),
      { numRuns: 1000 },
    ))
})

type Place = [holder: Record<string, unknown>, name: string]

function placesIn(value: unknown): Place[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, member]) => [
    [value as Record<string, unknown>, name] as Place,
    ...placesIn(member),
  ])
}

const statementOf = (read: Parameters<typeof statement>[0]): string => statement(read).toString()
