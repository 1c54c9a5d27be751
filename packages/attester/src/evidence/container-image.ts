/** Evidence of the kind `container-image`: the digest of the image that runs, and its signed provenance as it was shipped. */
import { readFile } from 'node:fs/promises'
import { ImageEvidence } from '@credence/contracts/attestation/image-evidence'
import { type Producer, ProducerError } from '../producer.ts'

export type ImageSource = {
  /** A Sigstore bundle over SLSA provenance v1 of this image. */
  bundle: string
} & (
  | { image: string }
  /** File, or environment variable, in which the platform names the image, ending in `sha256:…`. */
  | { imageFile: string }
  | { imageVariable: string }
)

/**
 * @param environment where `imageVariable` is looked up
 * @returns a producer. Nothing here carries a nonce: the agent’s statement names the digest of this piece, and so binds it to
 * the challenge. Codes: `image_unknown`, `provenance_unreadable`, `provenance_malformed`
 */
export const containerImageProducer =
  (source: ImageSource, environment: NodeJS.ProcessEnv = process.env): Producer =>
  async () => {
    const named = await nameOf(source, environment)
    const digest = /(?:^|[@\s])(?:sha256:)?([0-9a-f]{64})\s*$/.exec(named.slice(-1024))?.[1]
    if (!digest)
      throw new ProducerError('image_unknown', 'The running image is not known by its digest: it must end in sha256:….')
    const evidence = ImageEvidence.safeParse({ image_digest: digest, bundle: await bundleIn(source.bundle) })
    if (!evidence.success) throw new ProducerError('provenance_malformed', `${source.bundle} is no Sigstore bundle.`)
    return { kind: 'container-image', content: new TextEncoder().encode(JSON.stringify(evidence.data)) }
  }

async function nameOf(source: ImageSource, environment: NodeJS.ProcessEnv): Promise<string> {
  if ('image' in source) return source.image
  if ('imageVariable' in source) return environment[source.imageVariable] ?? ''
  return textOf(source.imageFile, 'image_unknown')
}

async function bundleIn(path: string): Promise<unknown> {
  const text = await textOf(path, 'provenance_unreadable')
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const textOf = (path: string, code: string): Promise<string> =>
  readFile(path, 'utf8').catch((cause) => {
    throw new ProducerError(code, `${path} cannot be read.`, { cause })
  })
