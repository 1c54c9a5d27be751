/** Manifests that a trusted signer signed, and that are still not taken. */
import { MODEL_PREDICATE, rootDigest } from '@credence/contracts/attestation/model-manifest'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { anchorOf, evidenced } from '../../../../../../infra/testing/evidenced.ts'
import { newSigner, type Signer, signBundle } from '../../../../../../infra/testing/signers.ts'
import { readManifest } from './manifest.ts'
import { modelSigningVerifier } from './model-signing.ts'

const hex = (digit: string) => digit.repeat(64)
const resource = (name: string, digest = hex('a'), algorithm = 'sha256') => ({ name, digest, algorithm })
const TWO = [resource('a.bin'), resource('b.bin', hex('b'))]
const FILES = { method: 'files', hash_type: 'sha256', allow_symlinks: false }
const SHARDS = { ...FILES, method: 'shards', shard_size: 10 }

type Resource = ReturnType<typeof resource>
const statement = (resources: Resource[], serialization: object = FILES, more: object = {}) => ({
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ name: 'small', digest: { sha256: rootDigest(resources) } }],
  predicateType: MODEL_PREDICATE,
  predicate: { resources, serialization },
  ...more,
})

let signer: Signer
beforeAll(async () => {
  signer = await newSigner()
})

async function verified(signed: object | string, options: { payloadType?: string; files?: Resource[] } = {}) {
  const { files = [], ...rest } = options
  const bundle = await signBundle(typeof signed === 'string' ? signed : JSON.stringify(signed), signer, rest)
  const about = evidenced('model-signing', {
    anchors: [anchorOf('model-signing', { type: 'public-key', pem: signer.publicPem })],
  })
  const shown = { form: 'files', bundle, files: files.map(({ name, digest }) => ({ name, digest })) }
  return modelSigningVerifier.verify(Buffer.from(JSON.stringify(shown)), about)
}

it('a manifest of two files that are both there is taken', async () => {
  expect(await verified(statement(TWO), { files: TWO })).toMatchObject({ claims: { grade: 'files', files: 2 } })
})

describe('a signed statement is refused', () => {
  const { subject } = statement(TWO)
  const one = subject[0] as object
  it.each<[string, object | string, string]>([
    ['that is no JSON', '{"_type":', 'statement_malformed'],
    [
      'of another version of in-toto',
      statement(TWO, FILES, { _type: 'https://in-toto.io/Statement/v0.1' }),
      'statement_type',
    ],
    [
      'of the deprecated Digests/v0.1, which does not notice missing files',
      statement(TWO, FILES, {
        predicateType: 'https://model_signing/Digests/v0.1',
        subject: Array.from({ length: 100 }, (_, at) => ({ name: `${at}`, digest: { sha256: hex('a') } })),
      }),
      'predicate_type',
    ],
    [
      'of a predicate that only begins alike',
      statement(TWO, FILES, { predicateType: `${MODEL_PREDICATE}1` }),
      'predicate_type',
    ],
    ['about two models', statement(TWO, FILES, { subject: [one, one] }), 'subject_not_one'],
    ['about none', statement(TWO, FILES, { subject: [] }), 'statement_malformed'],
    ['about one without a name', statement(TWO, FILES, { subject: [{ digest: {} }] }), 'subject_not_one'],
    [
      'with another root digest',
      statement(TWO, FILES, { subject: [{ name: 'small', digest: { sha256: hex('0') } }] }),
      'root_digest_wrong',
    ],
    [
      'with a root digest by another hash',
      statement(TWO, FILES, { subject: [{ name: 'small', digest: { sha512: hex('0') } }] }),
      'root_digest_wrong',
    ],
    ['without files', statement([]), 'manifest_malformed'],
    ['with a hash that nobody named', statement(TWO, { ...FILES, hash_type: 'md5' }), 'manifest_malformed'],
    ['with one file hashed otherwise', statement([resource('a', hex('a'), 'md5')]), 'manifest_malformed'],
    ['with a digest of another length', statement([resource('a', 'ab'.repeat(64))]), 'manifest_malformed'],
    ['with a digest in capitals', statement([resource('a', 'A'.repeat(64))]), 'manifest_malformed'],
    [
      'with a field of serialization that nobody knows',
      statement(TWO, { ...FILES, ignore_unsigned: true }),
      'manifest_malformed',
    ],
    ['of shards that have no size', statement(TWO, { ...FILES, method: 'shards' }), 'manifest_malformed'],
    ['of files that have a shard size', statement(TWO, { ...FILES, shard_size: 10 }), 'manifest_malformed'],
    ['whose names do not increase', statement(TWO.toReversed()), 'names_not_sorted'],
    ['that names a file twice', statement([resource('a'), resource('a', hex('b'))]), 'names_not_sorted'],
    ['with a shard without a range', statement([resource('a')], SHARDS), 'name_not_canonical'],
    ['with shards that begin late', statement([resource('a:5:15')], SHARDS), 'shards_incomplete'],
    [
      'with shards that leave a hole',
      statement([resource('a:0:10'), resource('a:20:30')], SHARDS),
      'shards_incomplete',
    ],
    [
      'with a short shard before the last',
      statement([resource('a:0:5'), resource('a:5:10')], SHARDS),
      'shards_incomplete',
    ],
    ['with a shard that is too long', statement([resource('a:0:11')], SHARDS), 'shards_incomplete'],
    ['with a shard that ends before it begins', statement([resource('a:10:5')], SHARDS), 'shards_incomplete'],
  ])('%s', async (_, signed, code) => {
    expect(await verified(signed)).toMatchObject({ refused: code })
  })

  it.each(['/etc/passwd', '../a', 'a/../b', './a', 'a//b', 'a/', '', 'a\0b', 'a/.'])(
    'that names a file %j',
    async (name) => {
      expect(['name_not_canonical', 'manifest_malformed']).toContain(
        ((await verified(statement([resource(name)]))) as { refused?: string }).refused,
      )
    },
  )

  it.each(['*', '*.py', '.', '/', '../x', 'modeling_?.py', '[a-z]', 'a/'])('that leaves out %j', async (path) => {
    expect(await verified(statement(TWO, { ...FILES, ignore_paths: [path] }))).toEqual({
      refused: 'ignore_path_not_canonical',
    })
  })

  it('that names the folder itself beside a file', async () => {
    const both = statement([resource('.'), resource('a.bin')])
    expect(await verified(both)).toEqual({ refused: 'name_not_canonical' })
    const alone = statement([resource('.')])
    expect(await verified(alone, { files: [resource('.')] })).toMatchObject({ claims: { files: 1 } })
    expect(await verified(alone, { files: [resource('a.bin')] })).toMatchObject({ refused: 'file_extra' })
  })

  it('whose payload is said to be something else', async () => {
    expect(await verified(statement(TWO), { payloadType: 'application/json' })).toEqual({ refused: 'payload_type' })
  })
})

describe('shards', () => {
  it('belong to the path before the last two colons', async () => {
    const shards = [resource('a:1:2:0:10'), resource('a:1:2:10:12')]
    const changed = shards.map((one) => ({ ...one, digest: hex('0') }))
    expect(await verified(statement(shards, SHARDS), { files: shards })).toMatchObject({ claims: { files: 1 } })
    expect(await verified(statement(shards, SHARDS), { files: changed })).toMatchObject({ refused: 'file_changed' })
  })

  it('may be sorted by their number, or by the spelling of it', async () => {
    const shards = Array.from({ length: 12 }, (_, at) => resource(`a:${at * 10}:${at * 10 + 10}`))
    const spelt = shards.toSorted((a, b) => (a.name < b.name ? -1 : 1))
    for (const order of [shards, spelt])
      expect(await verified(statement(order, SHARDS), { files: order })).toHaveProperty('claims')
  })
})

describe('whatever names a signer sorts', () => {
  const part = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 6 })
    .filter((text) => !['.', '..'].includes(text) && !/[/\0]/.test(text) && text.isWellFormed())
  const names = fc.uniqueArray(
    fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/')),
    { minLength: 2, maxLength: 8 },
  )
  const read = (sorted: string[]) => readManifest(statement(sorted.map((name) => resource(name))) as never)
  const byCodePoint = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))

  it('by code points, is taken; in any other order of its own, is not', () => {
    fc.assert(
      fc.property(names, (all) => {
        const sorted = all.toSorted(byCodePoint)
        expect(read(sorted)).toMatchObject({ paths: new Set(all) })
        expect(read(sorted.toReversed())).toEqual({ refused: 'names_not_sorted' })
      }),
    )
  })

  it('by component, is taken', () => {
    fc.assert(
      fc.property(names, (all) => {
        // `/` before every other character is what sorting by component comes to.
        const key = (name: string) => name.replaceAll('/', '\u0000')
        const sorted = all.toSorted((a, b) => byCodePoint(key(a), key(b)))
        expect(read(sorted)).toMatchObject({ paths: new Set(all) })
      }),
    )
  })
})
