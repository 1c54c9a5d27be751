/**
 * Evidence of the kind `spiffe-svid`: which workload of another trust domain this is, by an SVID that its own SPIFFE gave
 * it. An X.509-SVID proves its key on the challenge; a JWT-SVID names the challenge as an audience, where the Workload API
 * can be asked for one.
 */
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { proveSvidKey } from '@credence/shared/spiffe/svid-proof'
import { certificatesIn } from '@credence/shared/spiffe/x509-svid'
import { type Producer, ProducerError } from '../producer.ts'
import { openWorkloadApi } from '../workload-api/client.ts'

export type SvidSource =
  /** Asks at every challenge. `socket` as in SPIFFE_ENDPOINT_SOCKET; `spiffeId` where the workload has several. */
  | { from: 'workload-api'; socket: string; form: 'x509' | 'jwt'; spiffeId?: string }
  /** PEM files that are kept fresh by somebody, as spiffe-helper and `spire-agent api fetch x509 -write` do. */
  | { from: 'x509-files'; certificates: string; key: string }
  /** A compact JWS in a file. It was made before the challenge, so that it is bound to nothing: a lower tier. */
  | { from: 'jwt-file'; token: string }

/**
 * @param options.audience SPIFFE ID of the attestation service
 * @returns a producer. Codes: `svid_unavailable` when there is none to be had now, `svid_denied` when this process has no
 *   such name there, `socket_invalid`
 */
export function spiffeSvidProducer(options: { source: SvidSource; audience: string }): Producer {
  const { source, audience } = options
  return async ({ binding }) => {
    const content = await contentFrom(source, audience, binding)
    return { kind: 'spiffe-svid', content: Buffer.from(JSON.stringify(content)) }
  }
}

type Content = { form: 'x509'; chain: string[]; proof: string } | { form: 'jwt'; token: string }

async function contentFrom(source: SvidSource, audience: string, binding: Uint8Array): Promise<Content> {
  if (source.from === 'jwt-file') return { form: 'jwt', token: (await readable(source.token)).trim() }
  if (source.from === 'x509-files') {
    const [certificates, key] = await Promise.all([readable(source.certificates), readable(source.key)])
    return proved(() => ({ chain: certificatesIn(certificates), key: createPrivateKey(key) }), binding)
  }
  const api = openWorkloadApi(source.socket)
  try {
    if (source.form === 'jwt') {
      const audiences = [audience, Buffer.from(binding).toString('base64url')]
      return { form: 'jwt', token: await api.fetchJwtSvid(audiences, source.spiffeId) }
    }
    const { chain, key } = await api.fetchX509Svid(source.spiffeId)
    const pkcs8 = { key: Buffer.from(key), format: 'der', type: 'pkcs8' } as const
    return proved(() => ({ chain, key: createPrivateKey(pkcs8) }), binding)
  } finally {
    api.close()
  }
}

type Pair = { chain: Uint8Array[]; key: KeyObject }

function proved(pair: () => Pair, binding: Uint8Array): Content {
  const { chain, key } = matching(pair)
  return {
    form: 'x509',
    chain: chain.map((der) => Buffer.from(der).toString('base64')),
    proof: proveSvidKey(key, binding).toString('base64url'),
  }
}

function matching(pair: () => Pair): Pair {
  try {
    const { chain, key } = pair()
    if (createPublicKey(key).equals(new X509Certificate(chain[0] ?? '').publicKey)) return { chain, key }
  } catch (cause) {
    throw new ProducerError('svid_unavailable', 'The SVID or its key cannot be read.', { cause })
  }
  // Files are renewed one after the other: between the two they do not fit.
  throw new ProducerError('svid_unavailable', 'The key is not that of the SVID. Try again.')
}

async function readable(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new ProducerError('svid_unavailable', `${path} cannot be read.`, { cause })
  }
}
