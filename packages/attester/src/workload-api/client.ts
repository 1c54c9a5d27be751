/** The SPIFFE Workload API (SPIFFE_Workload_API.md): what a workload is, told by the agent of SPIFFE on its own machine. */
import {
  type JWTSVIDResponse,
  SpiffeWorkloadAPIClient,
  type X509SVIDResponse,
} from '@credence/contracts/gen/spiffe/workload'
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { ProducerError } from '../producer.ts'
import { derElements } from './der.ts'

export type WorkloadSvid = {
  spiffeId: string
  /** DER, the SVID first. */
  chain: Uint8Array[]
  /** PKCS#8, DER. */
  key: Uint8Array
}

export type WorkloadApi = {
  /** @param spiffeId which, when the workload has several; the first unless said (§5.3) */
  fetchX509Svid(spiffeId?: string): Promise<WorkloadSvid>
  /** @returns a JWT-SVID for these audiences, compact */
  fetchJwtSvid(audiences: readonly string[], spiffeId?: string): Promise<string>
  close(): void
}

const DEADLINE_MS = 10_000
const MAX_MESSAGE_BYTES = 1024 * 1024

/** SPIFFE_Workload_Endpoint.md §4.2: on every call, so that nobody is made to ask on behalf of a web page. */
const asked = () => {
  const metadata = new Metadata()
  metadata.set('workload.spiffe.io', 'true')
  return metadata
}

/**
 * @param socket as `SPIFFE_ENDPOINT_SOCKET` has it (SPIFFE_Workload_Endpoint.md §4): `unix:///run/spire/agent.sock`
 * @throws ProducerError `socket_invalid` for another kind of address; from every method `svid_denied` when the workload has
 *   no such identity, `svid_unavailable` when nobody answers as it should
 */
export function openWorkloadApi(socket: string): WorkloadApi {
  if (!/^unix:(\/\/)?\/[^/\0][^\0]*$/.test(socket))
    throw new ProducerError(
      'socket_invalid',
      'The address of the Workload API must be like unix:///run/spire/agent.sock.',
    )
  // The kernel says who asks; there is nothing to authenticate with (SPIFFE_Workload_Endpoint.md §5).
  const client = new SpiffeWorkloadAPIClient(socket, credentials.createInsecure(), {
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.enable_channelz': 0,
  })
  const deadline = () => ({ deadline: Date.now() + DEADLINE_MS })
  return {
    fetchX509Svid: async (spiffeId) => {
      const { svids } = await new Promise<X509SVIDResponse>((resolve, reject) => {
        const stream = client.fetchX509Svid({}, asked(), deadline())
        // The first answer is whole (§4.3); whoever wants the next SVID asks again.
        stream.once('data', (answer: X509SVIDResponse) => {
          resolve(answer)
          stream.cancel()
        })
        stream.on('error', (error: ServiceError) => reject(refusal(error)))
        stream.once('end', () => reject(new ProducerError('svid_unavailable', 'The Workload API answered nothing.')))
      })
      const { spiffeId: id, x509Svid, x509SvidKey } = chosen(svids, spiffeId)
      const chain = derElements(x509Svid)
      if (chain.length === 0)
        throw new ProducerError('svid_unavailable', 'The Workload API gave an SVID without certificates.')
      return { spiffeId: id, chain, key: x509SvidKey }
    },
    fetchJwtSvid: async (audiences, spiffeId) => {
      const { svids } = await new Promise<JWTSVIDResponse>((resolve, reject) =>
        client.fetchJwtsvid(
          { audience: [...audiences], spiffeId: spiffeId ?? '' },
          asked(),
          deadline(),
          (error, answer) => (error ? reject(refusal(error)) : resolve(answer)),
        ),
      )
      return chosen(svids, spiffeId).svid
    },
    close: () => client.close(),
  }
}

function chosen<S extends { spiffeId: string }>(svids: readonly S[], spiffeId: string | undefined): S {
  const found = spiffeId === undefined ? svids[0] : svids.find((svid) => svid.spiffeId === spiffeId)
  if (found) return found
  throw new ProducerError(
    'svid_denied',
    `The Workload API gives this process no SVID${spiffeId === undefined ? '' : ` of ${spiffeId}`}.`,
  )
}

function refusal(error: ServiceError): ProducerError {
  if (error.code === status.PERMISSION_DENIED)
    return new ProducerError(
      'svid_denied',
      'The Workload API knows no identity for this process: is there an entry whose selectors it fits?',
      { cause: error },
    )
  const words = error.details || error.message
  return new ProducerError('svid_unavailable', `The Workload API does not answer: ${words}.`, { cause: error })
}
