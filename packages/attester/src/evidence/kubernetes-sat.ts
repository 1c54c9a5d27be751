/**
 * Evidence of the kind `kubernetes-sat`: the service-account token that the kubelet projects into this pod, with our
 * audience (examples/kubernetes/agent.yaml). It is a bearer token: it goes to the attestation service and nowhere else.
 */
import { open } from 'node:fs/promises'
import { type Producer, ProducerError } from '../producer.ts'

/** Where examples/kubernetes/agent.yaml mounts it. */
export const PROJECTED_TOKEN_FILE = '/var/run/secrets/credence/token'

const MAX_BYTES = 16 * 1024

/**
 * The file is read anew each time: the kubelet renews it when four fifths of its life are over.
 * @param options.tokenFile as the pod mounts it
 * @throws ProducerError `token_unreadable` or `token_malformed`, naming the file
 */
export const createKubernetesSat =
  ({ tokenFile = PROJECTED_TOKEN_FILE }: { tokenFile?: string } = {}): Producer =>
  async () => {
    const bytes = await firstBytes(tokenFile).catch((cause) => {
      const advice = 'mount a projected service-account token there (examples/kubernetes/agent.yaml)'
      throw new ProducerError('token_unreadable', `${tokenFile} cannot be read: ${advice}.`, { cause })
    })
    const token = bytes.toString('latin1').trim()
    if (bytes.length > MAX_BYTES || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token))
      throw new ProducerError('token_malformed', `${tokenFile} does not hold a service-account token.`)
    return { kind: 'kubernetes-sat', content: new TextEncoder().encode(token) }
  }

/** Through one open file: the kubelet swaps the folder behind the path when it renews. One byte more than a token may have. */
async function firstBytes(path: string): Promise<Buffer> {
  const file = await open(path)
  try {
    const buffer = Buffer.alloc(MAX_BYTES + 1)
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
