/** Tokens that no API server would sign for us, each refused by name. */
import { exportSPKI, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import type { Evidenced } from '../../../api/verifier.ts'
import { kubernetesSat as appraiser } from '../../../domain/kinds/kubernetes-sat.ts'
import {
  AUDIENCE,
  createTestCluster,
  evidenced,
  genuineClaims,
  ISSUER,
  NODE,
  POD,
} from '../../../testing/kubernetes-tokens.ts'
import { createKubernetesSat } from './kubernetes-sat.ts'

const cluster = await createTestCluster()
const other = await createTestCluster()
const { verify } = createKubernetesSat(() => undefined)
const bytes = (text: string) => new TextEncoder().encode(text)
const check = async (token: string | Promise<string>, part: Partial<Evidenced<'kubernetes-sat'>> = {}) =>
  verify(bytes(await token), evidenced({ anchors: [cluster.anchor], ...part }))

/** Other claims under the signature of the genuine ones. */
async function withClaims(text: string): Promise<string> {
  const [header = '', , signature = ''] = (await cluster.token()).split('.')
  return [header, Buffer.from(text).toString('base64url'), signature].join('.')
}
const unsigned = (header: object, claims: object = genuineClaims()) =>
  `${[header, claims].map((one) => Buffer.from(JSON.stringify(one)).toString('base64url')).join('.')}.`
const bound = (part: object) => ({ 'kubernetes.io': { ...genuineClaims()['kubernetes.io'], ...part } })

type Refusal = [refused: string, name: string, () => string | Promise<string>, Partial<Evidenced<'kubernetes-sat'>>?]
const second = genuineClaims().iat
const weak = { kty: 'RSA', kid: cluster.key.kid, n: Buffer.alloc(128, 0xff).toString('base64url'), e: 'AQAB' }

const refusals: Refusal[] = [
  ['anchor_unknown', 'of an issuer that no anchor names', () => cluster.token({ iss: 'https://other.example' })],
  ['anchor_unknown', 'where no anchor is', () => cluster.token(), { anchors: [] }],
  [
    'anchor_unusable',
    'whose anchor has no keys',
    () => cluster.token(),
    { anchors: [cluster.anchorWith({ jwks: '{"keys":[]}' })] },
  ],
  [
    'anchor_unusable',
    'whose anchor names one key twice',
    () => cluster.token(),
    { anchors: [cluster.anchorWith({ jwks: JSON.stringify({ keys: [cluster.key, other.key] }) })] },
  ],
  [
    'anchor_unusable',
    'whose anchor has a private key',
    () => cluster.token(),
    { anchors: [cluster.anchorWith({ jwks: JSON.stringify({ keys: [{ ...cluster.key, d: 'AQAB' }] }) })] },
  ],
  ['key_unknown', 'by a key that the anchor does not have', () => cluster.token({}, { kid: 'another' })],
  ['key_unknown', 'that names no key', () => cluster.token({}, { kid: undefined })],
  ['signature_invalid', 'by another key of the same name', () => other.token()],
  [
    'signature_invalid',
    'whose claims were changed',
    () => withClaims(JSON.stringify({ ...genuineClaims(), ...bound({ pod: { ...POD, name: 'another' } }) })),
  ],
  ['algorithm_weak', 'without a signature (alg none)', () => unsigned({ alg: 'none', kid: cluster.key.kid })],
  [
    'algorithm_weak',
    'with the public key as a shared secret (HS256)',
    async () =>
      new SignJWT(genuineClaims() as never)
        .setProtectedHeader({ alg: 'HS256', kid: cluster.key.kid })
        .sign(bytes(await exportSPKI(cluster.publicKey))),
  ],
  [
    'algorithm_weak',
    'by an RSA key of 1024 bits',
    () => cluster.token(),
    { anchors: [cluster.anchorWith({ jwks: JSON.stringify({ keys: [weak] }) })] },
  ],
  ['key_usage_wrong', 'whose algorithm is not that of its key', async () => unsignedAs('ES256')],
  [
    'key_usage_wrong',
    'by a key for encryption',
    () => cluster.token(),
    { anchors: [cluster.anchorWith({ jwks: JSON.stringify({ keys: [{ ...cluster.key, use: 'enc' }] }) })] },
  ],
  ['other_audience', 'for somebody else', () => cluster.token({ aud: ['vault'] })],
  ['other_audience', 'for others beside us', () => cluster.token({ aud: [AUDIENCE, 'vault'] })],
  ['other_audience', 'that names us twice', () => cluster.token({ aud: [AUDIENCE, AUDIENCE] })],
  ['other_audience', 'for an audience that only begins like ours', () => cluster.token({ aud: [`${AUDIENCE}/x`] })],
  [
    'nonce_mismatch',
    'for another challenge',
    () => cluster.token({ aud: [AUDIENCE, Buffer.alloc(32, 8).toString('base64url')] }),
  ],
  ['evidence_expired', 'that has expired', () => cluster.token({ exp: second - 1 })],
  ['evidence_not_yet_valid', 'that is not valid yet (nbf)', () => cluster.token({ nbf: second + 120 })],
  ['evidence_not_yet_valid', 'from the future (iat)', () => cluster.token({ iat: second + 120 })],
  ['token_lives_too_long', 'for more than a day', () => cluster.token({ exp: second + 86_401 })],
  ['token_legacy', 'of a Secret', () => legacy({ iss: 'kubernetes/serviceaccount' })],
  ['token_legacy', 'of a Secret, by the claims of one', () => legacy({})],
  ['pod_binding_missing', 'that is bound to no pod', () => cluster.token(bound({ pod: undefined }))],
  ['evidence_malformed', 'whose pod has no uid', () => cluster.token(bound({ pod: { name: 'a' } }))],
  ['evidence_malformed', 'whose pod is a list', () => cluster.token(bound({ pod: [POD] }))],
  [
    'evidence_malformed',
    'whose claims are nested where they do not belong',
    () => cluster.token({ 'kubernetes.io': undefined, pod: POD }),
  ],
  [
    'evidence_malformed',
    'whose claims are text in text',
    () => cluster.token({ 'kubernetes.io': JSON.stringify(genuineClaims()['kubernetes.io']) }),
  ],
  ['evidence_malformed', 'whose namespace climbs', () => cluster.token(bound({ namespace: '../kube-system' }))],
  [
    'evidence_malformed',
    'whose subject is another account',
    () => cluster.token({ sub: 'system:serviceaccount:agents:admin' }),
  ],
  ['evidence_malformed', 'without an end', () => cluster.token({ exp: undefined })],
  [
    'evidence_malformed',
    'whose end is text',
    () => cluster.signed(JSON.stringify({ ...genuineClaims(), exp: '9999999999' })),
  ],
  [
    'evidence_malformed',
    'that names a claim twice',
    () => cluster.signed(JSON.stringify(genuineClaims()).replace('{', '{"iss":"https://other.example",')),
  ],
  [
    'evidence_malformed',
    'that names a claim twice, once escaped',
    () => cluster.signed(JSON.stringify(genuineClaims()).replace('{', '{"\\u0069ss":"https://other.example",')),
  ],
  [
    'evidence_malformed',
    'whose pod names its uid twice',
    () =>
      cluster.signed(
        JSON.stringify(genuineClaims()).replace(`"uid":"${POD.uid}"`, `"uid":"${NODE.uid}","uid":"${POD.uid}"`),
      ),
  ],
  ['evidence_malformed', 'whose claims are a list', () => cluster.signed('[]')],
  [
    'evidence_malformed',
    'whose claims are nested deeper than any',
    () => cluster.signed(`{"a":${'['.repeat(2000)}${']'.repeat(2000)}}`),
  ],
  ['evidence_malformed', 'with a key in its header', () => cluster.token({}, { jwk: other.key })],
  [
    'evidence_malformed',
    'with the address of a key in its header',
    () => cluster.token({}, { jku: 'https://other.example/jwks' }),
  ],
  ['evidence_malformed', 'of another type', () => cluster.token({}, { typ: 'at+jwt' })],
  ['evidence_malformed', 'that is nothing', () => ''],
  ['evidence_malformed', 'that is no JWS', () => 'nonsense'],
  ['evidence_malformed', 'in five parts', async () => `${await cluster.token()}.x.y`],
  ['evidence_malformed', 'with bytes that are no text', () => '\u0000\uffff.\u0000.\u0000'],
  ['evidence_too_large', 'that is larger than any', async () => `${await cluster.token()}${' '.repeat(20_000)}`],
]

async function unsignedAs(alg: string): Promise<string> {
  const [, body = '', signature = ''] = (await cluster.token()).split('.')
  const header = Buffer.from(JSON.stringify({ alg, kid: cluster.key.kid })).toString('base64url')
  return [header, body, signature].join('.')
}

/** As Kubernetes made them before 1.24, and still does for a Secret of that type. */
const legacy = ({ iss = ISSUER }: { iss?: string }) =>
  cluster.token({
    iss,
    aud: undefined,
    iat: undefined,
    nbf: undefined,
    exp: undefined,
    jti: undefined,
    'kubernetes.io': undefined,
    'kubernetes.io/serviceaccount/namespace': 'agents',
    'kubernetes.io/serviceaccount/secret.name': 'meeting-scheduler-token-x7k2p',
    'kubernetes.io/serviceaccount/service-account.name': 'meeting-scheduler',
    'kubernetes.io/serviceaccount/service-account.uid': NODE.uid,
  })

describe('a service-account token is refused', () => {
  it.each(refusals)('%s: %s', async (refused, _, token, part) => {
    const outcome = await check(await token(), part)
    expect(outcome).toMatchObject({ refused })
    // Everything that it can say has a sentence.
    expect(appraiser.reasons).toHaveProperty(refused)
    expect(JSON.stringify(outcome)).not.toContain(POD.uid)
  })

  it('at every byte that is another', async () => {
    const token = await cluster.token()
    const about = evidenced({ anchors: [cluster.anchor] })
    const decoded = (text: string) => text.split('.').map((part) => Buffer.from(part, 'base64url').toString('hex'))
    let same = 0
    for (let index = 0; index < token.length; index++) {
      const bent = token.slice(0, index) + (token[index] === 'A' ? 'B' : 'A') + token.slice(index + 1)
      // The last character of a part may hold bits that stand for nothing.
      if (decoded(bent).join() === decoded(token).join()) same++
      else expect(await verify(bytes(bent), about), `byte ${index}`).toHaveProperty('refused')
    }
    expect(same).toBeLessThanOrEqual(3)
  })

  it('at every length that is not its own', async () => {
    const token = bytes(await cluster.token())
    const about = evidenced({ anchors: [cluster.anchor] })
    for (let length = 0; length < token.length; length += 7)
      expect(await verify(token.slice(0, length), about)).toHaveProperty('refused')
  })
})
