/** SVIDs and bundles of other trust domains: by what a real SPIRE gave (verifiers/spiffe-svid/recorded). */
import { readFileSync } from 'node:fs'
import { derElements } from '@credence/attester/workload-api/der'
import { evidenceBinding } from '@credence/contracts/attestation/binding'
import type { Anchor } from '@credence/contracts/attestation/trust'
import { parseBundle } from '@credence/shared/spiffe/bundle'
import { parseSpiffeId } from '@credence/shared/spiffe/id'
import { claimedTrustDomain, verifyJwtSvid } from '@credence/shared/spiffe/jwt-svid'
import { provesSvidKey } from '@credence/shared/spiffe/svid-proof'
import { claimedX509TrustDomain, verifyX509Svid } from '@credence/shared/spiffe/x509-svid'
import { parseContent } from '../../../services/attestation/src/adapters/verifiers/spiffe-svid/content.ts'
import { spiffeSvidVerifier } from '../../../services/attestation/src/adapters/verifiers/spiffe-svid/spiffe-svid.ts'
import { spiffeSvid } from '../../../services/attestation/src/domain/kinds/spiffe-svid.ts'
import { type Genuine, jws, part, plain } from '../genuine.ts'
import { answer, orFault, type Subject, verified } from '../subject.ts'

type Recorded = {
  challenge: { nonce: string; keyThumbprint: string; audience: string }
  spiffe_id: string
  bundle: object
  x509: { form: 'x509'; chain: string[]; proof: string }
  jwt_bound: { token: string }
  jwt_bearer: { token: string }
  jwt_elsewhere: { token: string }
  recorded_at: string
}
const FOLDER = '../../../services/attestation/src/adapters/verifiers/spiffe-svid/recorded/'
const read = (domain: string): Recorded =>
  JSON.parse(readFileSync(new URL(`${FOLDER}${domain}.json`, import.meta.url), 'utf8'))
const DOMAINS = ['foreign.example', 'other.example'] as const
const all = DOMAINS.map(read)
const [here, there] = all as [Recorded, Recorded]

const anchors = DOMAINS.map(
  (trust_domain, at): Anchor => ({
    anchor: `anc_${trust_domain}`,
    label: trust_domain,
    kinds: ['spiffe-svid'],
    blueprints: [],
    material: { type: 'spiffe-trust-domain', trust_domain, bundle: JSON.stringify(all[at]?.bundle) },
  }),
)
const told = {
  kind: 'spiffe-svid' as const,
  ...here.challenge,
  agent: {} as never,
  binding: evidenceBinding({ kind: 'spiffe-svid', ...here.challenge }),
  now: new Date(Math.max(...all.map(({ recorded_at }) => Date.parse(recorded_at)))),
  anchors,
  requirements: [],
}

const x509Of = ({ x509 }: Recorded): Genuine => ({
  parts: [
    ...x509.chain.map((text) => part(Buffer.from(text, 'base64'), 'der')),
    part(Buffer.from(x509.proof, 'base64url'), 'der'),
  ],
  whole: (parts) =>
    Buffer.from(
      JSON.stringify({
        form: 'x509',
        chain: parts.slice(0, -1).map((der) => der.toString('base64')),
        proof: parts.at(-1)?.toString('base64url'),
      }),
    ),
})
const jwtOf = ({ token }: { token: string }): Genuine => jws(token, (token) => JSON.stringify({ form: 'jwt', token }))
const certificateOf = ({ x509 }: Recorded) => plain(Buffer.from(x509.chain[0] ?? '', 'base64'), 'der')

export function spiffeSubjects(): Subject[] {
  const bundle = parseBundle('foreign.example', JSON.stringify(here.bundle))
  // Both domains showed theirs for the same challenge.
  const shown = all.flatMap((one) => [x509Of(one), jwtOf(one.jwt_bound), jwtOf(one.jwt_bearer)])
  const donors = [jwtOf(here.jwt_elsewhere)]
  const { certificate } = verifyX509Svid(
    here.x509.chain.map((text) => new Uint8Array(Buffer.from(text, 'base64'))),
    bundle,
    told,
  )
  const parser = (name: string, genuine: Genuine[], parse: (input: Buffer) => unknown, share = 1): Subject => ({
    ...{ name: `spiffe: ${name}`, share, genuine, donors, signed: false },
    judge: (input) => orFault(() => parse(input)),
  })
  return [
    {
      ...{ name: 'spiffe-svid', share: 1.5, genuine: shown, donors, signed: true },
      judge: async (input) => verified(await spiffeSvidVerifier.verify(input, told)),
      reasons: spiffeSvid.reasons,
    },
    { ...parser('content', shown, parseContent, 2), judge: (input) => answer(parseContent(input)) },
    {
      ...parser('X.509-SVID', [certificateOf(here)], (input) => {
        const { id, expiresAt } = verifyX509Svid([new Uint8Array(input)], bundle, told)
        return { id, expiresAt }
      }),
      ...{ signed: true, donors: [certificateOf(there)] },
    },
    {
      ...parser(
        'JWT-SVID',
        [jws(here.jwt_bound.token), jws(here.jwt_bearer.token)],
        async (input) => {
          const beside = told.binding.toString('base64url')
          return verifyJwtSvid(input.toString(), bundle, { audience: told.audience, beside, now: told.now })
        },
        2,
      ),
      signed: true,
    },
    {
      ...parser('proof of a key', [plain(Buffer.from(here.x509.proof, 'base64url'), 'der')], () => undefined, 2),
      signed: true,
      judge: (input) =>
        provesSvidKey(certificate.publicKey, told.binding, input) ? { said: 'proved' } : { refused: 'binding_invalid' },
    },
    parser('chain from the Workload API', all.map(certificateOf), derElements, 2),
    parser('claimed domain of an X.509-SVID', all.map(certificateOf), claimedX509TrustDomain, 2),
    parser(
      'claimed domain of a JWT-SVID',
      [jws(here.jwt_bound.token)],
      (input) => claimedTrustDomain(input.toString()),
      2,
    ),
    parser(
      'SPIFFE ID',
      all.map(({ spiffe_id }) => plain(spiffe_id, 'bytes')),
      (input) => parseSpiffeId(input.toString()),
      2,
    ),
    parser(
      'trust bundle',
      all.map(({ bundle }) => plain(JSON.stringify(bundle), 'json')),
      (input) => parseBundle('foreign.example', input.toString()),
    ),
  ]
}
