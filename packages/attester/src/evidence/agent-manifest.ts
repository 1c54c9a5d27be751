/** Evidence of the kind `agent-manifest`: the bundle that the builder put beside the agent, as it stands. */
import { readFile } from 'node:fs/promises'
import { readAgentManifest } from '@credence/contracts/attestation/agent-manifest'
import { payloadIn } from '../manifest/open.ts'
import { type Producer, ProducerError } from '../producer.ts'

/**
 * @param file the signed manifest (`credence manifest sign`)
 * @returns a producer. The bundle carries no nonce: the agent’s statement names its digest, and so binds it to the
 * challenge. It is read anew each time, since an update of the agent brings another one. Codes: `manifest_unreadable`,
 * `manifest_malformed`; who signed it is for the service to say.
 */
export const agentManifestProducer =
  (file: string): Producer =>
  async () => {
    const content = await readFile(file).catch((cause) => {
      throw new ProducerError(
        'manifest_unreadable',
        `The manifest ${file} cannot be read. Sign one, or leave it out.`,
        {
          cause,
        },
      )
    })
    const fault = faultOf(content)
    if (fault) throw new ProducerError('manifest_malformed', `The manifest ${file} is none: ${fault}`)
    return { kind: 'agent-manifest', content: new Uint8Array(content) }
  }

/** Whatever the service would refuse without looking at the signer, the agent’s side can be told sooner. */
function faultOf(content: Buffer): string | undefined {
  try {
    return readAgentManifest(payloadIn(content.toString())).detail
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
