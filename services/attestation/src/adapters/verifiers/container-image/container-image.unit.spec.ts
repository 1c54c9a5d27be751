import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { containerImageProducer, type ImageSource } from '@credence/attester/evidence/container-image'
import type { AnchorMaterial } from '@credence/contracts/attestation/trust'
import { sha256 } from '@credence/shared/digest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { anchorOf, evidenced } from '../../../../../../infra/testing/evidenced.ts'
import { type Certified, certify, newSigner, type Signer, signBundle } from '../../../../../../infra/testing/signers.ts'
import { containerImageVerifier } from './container-image.ts'
import { readProvenance } from './provenance.ts'

const recorded = (name: string) =>
  readFileSync(new URL(`../../../../../../infra/testing/provenance/${name}`, import.meta.url), 'utf8')
const IMAGE = 'c'.repeat(64)
const SOURCE = 'git+https://code.example/acme/scheduler'
const BUILDER = 'https://builds.example/container-builder/v1'
const COMMIT = '1f0c6f0b8a3f0f5b7b1c5f0e9d5c3b2a19087654'

const predicate = (externalParameters: object, resolvedDependencies?: object[]) => ({
  buildDefinition: { buildType: 'https://builds.example/v1', externalParameters, resolvedDependencies },
  runDetails: { builder: { id: BUILDER } },
})
const PREDICATE = predicate({ source: SOURCE }, [{ uri: SOURCE, digest: { gitCommit: COMMIT } }])
const statement = (part: object = {}) => ({
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ name: 'registry.example/scheduler', digest: { sha256: IMAGE } }],
  predicateType: 'https://slsa.dev/provenance/v1',
  predicate: PREDICATE,
  ...part,
})

const keyAnchor = ({ publicPem }: { publicPem: string }) =>
  anchorOf('container-image', { type: 'public-key', pem: publicPem })
const verify = (evidence: object | Buffer, anchors: ReturnType<typeof anchorOf>[]) =>
  containerImageVerifier.verify(
    Buffer.isBuffer(evidence) ? evidence : Buffer.from(JSON.stringify(evidence)),
    evidenced('container-image', { anchors }),
  )

describe('provenance that cosign signed', () => {
  const image_digest = sha256(recorded('image-manifest'))
  const bundle = JSON.parse(recorded('cosign-key.sigstore.json'))
  const anchor = keyAnchor({ publicPem: recorded('cosign-key.pub') })

  it('names the builder and what it was asked to build', async () => {
    expect(await verify({ image_digest, bundle }, [anchor])).toMatchObject({
      claims: {
        image_digest,
        predicate_type: 'https://slsa.dev/provenance/v1',
        builder: BUILDER,
        source: `${SOURCE}@refs/tags/v1.4.2`,
        source_digest: COMMIT,
        signer: anchor.anchor,
      },
      anchors: [anchor.anchor],
    })
  })

  it('counts under an authority too, for the pinned name', async () => {
    const chained = JSON.parse(recorded('cosign-certificate.sigstore.json'))
    const anchored = (san: string) => {
      const pem = recorded('cosign-certificate.pem')
      return anchorOf('container-image', { type: 'certificate-authority', pem, identities: [{ san }] })
    }
    const shown = { image_digest, bundle: chained }
    expect(await verify(shown, [anchored('https://builds.example/container-builder')])).toHaveProperty('claims.source')
    expect(await verify(shown, [anchored('https://builds.example/')])).toEqual({ refused: 'signer_identity_unknown' })
  })

  it('is refused for another image, by another key, and changed', async () => {
    expect(await verify({ image_digest: IMAGE, bundle }, [anchor])).toEqual({ refused: 'image_not_subject' })
    expect(await verify({ image_digest, bundle }, [keyAnchor(await newSigner())])).toEqual({
      refused: 'anchor_unknown',
    })
    const payload = Buffer.from(bundle.dsseEnvelope.payload, 'base64')
      .toString()
      .replace('container-builder', 'container-bui1der')
    const changed = {
      ...bundle,
      dsseEnvelope: { ...bundle.dsseEnvelope, payload: Buffer.from(payload).toString('base64') },
    }
    expect(await verify({ image_digest, bundle: changed }, [anchor])).toEqual({ refused: 'signature_invalid' })
  })
})

describe('provenance under our own anchors', () => {
  let signer: Signer
  let root: Certified
  let leaf: Certified
  beforeAll(async () => {
    signer = await newSigner('P-384')
    root = await certify({ ca: true, algorithm: 'P-384' })
    leaf = await certify({ by: root, names: [{ type: 'email', value: 'builder@acme.example' }] })
  })
  const shown = async (signed: object | string) =>
    verify(
      {
        image_digest: IMAGE,
        bundle: await signBundle(typeof signed === 'string' ? signed : JSON.stringify(signed), signer),
      },
      [keyAnchor(signer)],
    )

  it('is taken by key and by authority, of either version of in-toto', async () => {
    expect(await shown(statement())).toHaveProperty('claims.source', SOURCE)
    expect(await shown(statement({ _type: 'https://in-toto.io/Statement/v0.1' }))).toHaveProperty('claims')
    const material: AnchorMaterial = {
      type: 'certificate-authority',
      pem: root.pem,
      identities: [{ san: 'builder@acme.example' }],
    }
    const bundle = await signBundle(JSON.stringify(statement()), leaf, { chain: [leaf] })
    expect(await verify({ image_digest: IMAGE, bundle }, [anchorOf('container-image', material)])).toHaveProperty(
      'claims',
    )
  })

  it('may be of several images', async () => {
    const subject = [{ digest: { sha256: 'd'.repeat(64) } }, { digest: { sha512: 'e'.repeat(128), sha256: IMAGE } }]
    expect(await shown(statement({ subject }))).toHaveProperty('claims.image_digest', IMAGE)
  })

  it.each<[string, object | string, string]>([
    ['of another predicate', statement({ predicateType: 'https://slsa.dev/provenance/v0.2' }), 'predicate_type'],
    ['of an unknown version of in-toto', statement({ _type: 'https://in-toto.io/Statement/v2' }), 'statement_type'],
    [
      'about the same digits by another hash',
      statement({ subject: [{ digest: { sha512: IMAGE } }] }),
      'image_not_subject',
    ],
    ['about nothing', statement({ subject: [] }), 'statement_malformed'],
    ['without a builder', statement({ predicate: { ...PREDICATE, runDetails: {} } }), 'provenance_malformed'],
    [
      'whose builder holds a line break',
      statement({ predicate: { ...PREDICATE, runDetails: { builder: { id: `${BUILDER}\n` } } } }),
      'provenance_malformed',
    ],
    ['without a source', statement({ predicate: predicate({}) }), 'source_unknown'],
    ['that is no JSON', '{', 'statement_malformed'],
  ])('is refused: one %s', async (_, signed, code) => {
    expect(await shown(signed)).toMatchObject({ refused: code })
  })

  it('is refused when it is too large, cut short or of another form', async () => {
    const bundle = await signBundle(JSON.stringify(statement()), signer)
    const whole = Buffer.from(JSON.stringify({ image_digest: IMAGE, bundle }))
    expect(await verify(Buffer.alloc(256 * 1024 + 1, 0x20), [keyAnchor(signer)])).toEqual({
      refused: 'evidence_too_large',
    })
    for (let length = 0; length < whole.length; length += 31)
      expect(await verify(whole.subarray(0, length), [keyAnchor(signer)])).toMatchObject({
        refused: 'evidence_malformed',
      })
    expect(await verify({ image_digest: `sha256:${IMAGE}`, bundle }, [keyAnchor(signer)])).toMatchObject({
      refused: 'evidence_malformed',
    })
    expect(await verify({ image_digest: IMAGE, bundle, trusted: true }, [keyAnchor(signer)])).toMatchObject({
      refused: 'evidence_malformed',
    })
  })
})

describe('what was built', () => {
  const payload = JSON.parse(recorded('sigstore-2.0.0.sigstore.json')).dsseEnvelope.payload
  it('by GitHub Actions: repository and ref of the workflow', () => {
    expect(readProvenance(JSON.parse(Buffer.from(payload, 'base64').toString()).predicate)).toEqual({
      builder: 'https://github.com/actions/runner/github-hosted',
      source: 'https://github.com/sigstore/sigstore-js@refs/heads/main',
      sourceDigest: 'f0b49a04e5a62250e0f60fb128004a73110fe311',
    })
  })

  it('by others: a source with or without a ref, or the only dependency', () => {
    const source = (...of: Parameters<typeof predicate>) => readProvenance(predicate(...of))
    expect(source({ source: { uri: SOURCE, ref: 'refs/tags/v1' } })).toHaveProperty('source', `${SOURCE}@refs/tags/v1`)
    expect(source({ source: { uri: `${SOURCE}@v1`, ref: 'v1' } })).toHaveProperty('source', `${SOURCE}@v1`)
    expect(source({ buildConfigSource: { repository: SOURCE } })).toHaveProperty('source', SOURCE)
    expect(source({}, [{ uri: SOURCE }])).toHaveProperty('source', SOURCE)
  })

  it('is never picked from a list of dependencies, nor from two answers', () => {
    const evil = 'git+https://code.example/evil'
    expect(readProvenance(predicate({}, [{ uri: evil }, { uri: SOURCE }]))).toEqual({ refused: 'source_unknown' })
    expect(readProvenance(predicate({ source: evil }, [{ uri: SOURCE }]))).toHaveProperty('source', evil)
    expect(readProvenance(predicate({ source: SOURCE, workflow: { repository: evil } }))).toEqual({
      refused: 'source_ambiguous',
    })
  })
})

describe('the attester', () => {
  const folder = mkdtempSync(join(tmpdir(), 'image-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const put = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const bundle = put('bundle.json', recorded('cosign-key.sigstore.json'))
  const gathered = async (source: ImageSource, environment = {}) => {
    const { content } = await containerImageProducer(source, environment)(evidenced('container-image'))
    return JSON.parse(Buffer.from(content).toString()).image_digest
  }

  it('takes the image from its configuration, a file or the environment', async () => {
    expect(await gathered({ bundle, image: `sha256:${IMAGE}` })).toBe(IMAGE)
    expect(await gathered({ bundle, imageFile: put('image', `registry.example/scheduler@sha256:${IMAGE}\n`) })).toBe(
      IMAGE,
    )
    expect(await gathered({ bundle, imageVariable: 'IMAGE' }, { IMAGE: `docker-pullable://x/y@sha256:${IMAGE}` })).toBe(
      IMAGE,
    )
  })

  it('says what is missing', async () => {
    await expect(gathered({ bundle, imageVariable: 'IMAGE' })).rejects.toMatchObject({ code: 'image_unknown' })
    await expect(gathered({ bundle, image: 'registry.example/scheduler:latest' })).rejects.toMatchObject({
      code: 'image_unknown',
    })
    await expect(gathered({ bundle, imageFile: join(folder, 'none') })).rejects.toMatchObject({ code: 'image_unknown' })
    await expect(gathered({ bundle: join(folder, 'none'), image: IMAGE })).rejects.toMatchObject({
      code: 'provenance_unreadable',
    })
    await expect(gathered({ bundle: put('no', '['), image: IMAGE })).rejects.toMatchObject({
      code: 'provenance_malformed',
    })
  })
})
