/** Trust material as operators give it: what is approved must refuse evidence with a code, however odd it is. */
import { AnchorMaterial } from '@credence/contracts/attestation/trust'
import { tpmEnroller } from '../../../services/attestation/src/adapters/tpm/enroller.ts'
import { readBundle, type SignedBundle } from '../../../services/attestation/src/adapters/verifiers/sigstore/bundle.ts'
import { verifyDsse } from '../../../services/attestation/src/adapters/verifiers/sigstore/dsse.ts'
import { AUDIENCE } from '../../../services/attestation/src/testing/tpm.ts'
import { evidenceOf, recorded } from '../../../services/attestation/src/testing/tpm2-quotes/recorded.ts'
import { type Genuine, part } from '../genuine.ts'
import type { Outcome, Subject } from '../subject.ts'
import { anchors, modelBundle, NOW, PUBLIC_GOOD } from './bundles.ts'

type Material = (typeof anchors)[number]['material']

/** PEM by the DER that it holds. */
function pem(text: string, within: (pem: string) => object): Genuine {
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z ]+)-----([^-]*)-----END \1-----/g)]
  return {
    parts: blocks.map(([, , base64 = '']) => part(Buffer.from(base64, 'base64'), 'der')),
    whole: (ders) => {
      const lines = (der: Buffer) =>
        der
          .toString('base64')
          .match(/.{1,64}/g)
          ?.join('\n') ?? ''
      const text = ders.map((der, at) => {
        const label = blocks[at]?.[1]
        return `-----BEGIN ${label}-----\n${lines(der)}\n-----END ${label}-----\n`
      })
      return Buffer.from(JSON.stringify(within(text.join(''))))
    },
  }
}

function materialOf(input: Buffer): Material | undefined {
  try {
    return AnchorMaterial.safeParse(JSON.parse(input.toString())).data
  } catch {
    return undefined
  }
}

function under(bundle: SignedBundle, material: Material | undefined): Outcome {
  if (!material) return { refused: 'material_malformed' }
  const signed = verifyDsse(bundle, [{ anchor: 'anc_1', material }], NOW)
  return 'refused' in signed ? signed : { said: signed.signer }
}

const materialNamed = (name: string) => anchors.find(({ anchor }) => anchor === name)?.material as Material

export function anchorSubjects(): Subject[] {
  const byKey = readBundle(modelBundle('key-p256')) as SignedBundle
  const byAuthority = readBundle(modelBundle('certificate-p256')) as SignedBundle
  const atSigstore = readBundle(PUBLIC_GOOD) as SignedBundle
  const key = materialNamed('anc_key-p256') as Extract<Material, { type: 'public-key' }>
  const authority = materialNamed('anc_certificate-p256') as Extract<Material, { type: 'certificate-authority' }>
  const sigstore = materialNamed('anc_public_good') as Extract<Material, { type: 'sigstore' }>
  const one = recorded('p256-ecdsa-sha256')
  const manufacturer = one.anchor.material as Extract<Material, { type: 'tpm-manufacturer' }>
  const enrolled = (material: Material | undefined): Outcome => {
    if (!material) return { refused: 'material_malformed' }
    const told = {
      agent: one.agent,
      audience: AUDIENCE,
      anchors: [{ ...one.anchor, material }],
      now: new Date(one.made),
    }
    const prepared = tpmEnroller.prepare(evidenceOf(one), told)
    return 'refused' in prepared ? { refused: prepared.refused } : { said: prepared.record.ak_name }
  }
  const subject = (name: string, share: number, genuine: Genuine, judge: Subject['judge']): Subject => ({
    ...{ name: `anchor: ${name}`, share, genuine: [genuine], signed: true, judge },
  })
  return [
    subject(
      'public key',
      1,
      pem(key.pem, (pem) => ({ ...key, pem })),
      (input) => under(byKey, materialOf(input)),
    ),
    subject(
      'certificate authority',
      0.5,
      pem(authority.pem, (pem) => ({ ...authority, pem })),
      (input) => under(byAuthority, materialOf(input)),
    ),
    subject(
      'TPM manufacturer',
      0.3,
      pem(manufacturer.pem, (pem) => ({ ...manufacturer, pem })),
      (input) => enrolled(materialOf(input)),
    ),
    subject(
      'Sigstore instance',
      0.1,
      {
        parts: [part(sigstore.trusted_root, 'json')],
        whole: ([root]) => Buffer.from(JSON.stringify({ ...sigstore, trusted_root: root?.toString() })),
      },
      (input) => under(atSigstore, materialOf(input)),
    ),
  ]
}
