/**
 * Evidence of the kind `model-signing`: the model’s signature and what its folder really holds (OpenSSF Model Signing v1.0);
 * for a hosted model its provider’s statement, or only which it is said to be.
 */
import { readFile } from 'node:fs/promises'
import { basename, dirname, relative, resolve } from 'node:path'
import {
  type ModelEvidence,
  ModelPredicate,
  nameOf,
  pieceNamed,
  type Serialization,
} from '@credence/contracts/attestation/model-manifest'
import { z } from 'zod'
import { createPieceDigests } from '../hashing/digest-pieces.ts'
import type { Hashing } from '../hashing/hashing.ts'
import { filesIn, type ModelFile } from '../measure/model.ts'
import { type Producer, ProducerError } from '../producer.ts'

export type ModelSource =
  /** The signature may lie in the folder: it is no part of the model. */
  | { folder: string; signature: string }
  /** A model of one file. */
  | { file: string; signature: string }
  /** File that holds the provider’s signed statement. */
  | { providerStatement: string }
  | { provider: string; name: string; version: string }

const MAX_BYTES = 1024 * 1024
const Bundle = z.looseObject({ dsseEnvelope: z.looseObject({ payload: z.base64() }) })
const Statement = z.looseObject({ predicate: ModelPredicate })

/**
 * @param about.hashing digests of whole files, from its cache where it holds
 * @returns a producer. Nothing here carries a nonce: the agent’s statement names the digest of this piece, and so binds it to
 * the challenge. Signature and files are read anew each time; how files are cut, what is left out and whether links are
 * followed is what the signature says. Whether any of it is right is for the service to say.
 * Codes: `signature_unreadable`, `signature_malformed`, `hash_unsupported`, `statement_unreadable`, `model_too_large`, and MeasureErrors
 * of the folder
 */
export function modelSigningProducer(source: ModelSource, about: { hashing: Pick<Hashing, 'digests'> }): Producer {
  const digestPieces = createPieceDigests()
  return async () => {
    const content = Buffer.from(JSON.stringify(await gather(source, { ...about, digestPieces })))
    if (content.byteLength > MAX_BYTES)
      throw new ProducerError(
        'model_too_large',
        `The model has too many files: ${content.byteLength} bytes of names and digests, at most ${MAX_BYTES} can be shown.`,
      )
    return { kind: 'model-signing', content: new Uint8Array(content) }
  }
}

type Tools = { hashing: Pick<Hashing, 'digests'>; digestPieces: ReturnType<typeof createPieceDigests> }

async function gather(source: ModelSource, tools: Tools): Promise<ModelEvidence> {
  if ('providerStatement' in source) {
    const statement = await textOf(source.providerStatement, 'statement_unreadable')
    return { form: 'provider', statement: statement.trim() }
  }
  if ('provider' in source) return { form: 'claimed', ...source }
  const { bundle, predicate } = await readSignature(source.signature)
  const { serialization, resources } = predicate
  if ('file' in source) {
    // The specification has the file's name there, the reference signer a dot.
    const dotted = resources.every(({ name }) => pieceNamed(name, serialization.method)?.path === '.')
    const found = [{ name: dotted ? '.' : basename(source.file), path: source.file }]
    return { form: 'files', bundle, files: await measure(found, serialization, tools) }
  }
  const without = [...(serialization.ignore_paths ?? []), ...nameInside(source)]
  const found = await filesIn(source.folder, { without, followLinks: serialization.allow_symlinks })
  return { form: 'files', bundle, files: await measure(found, serialization, tools) }
}

async function measure(found: ModelFile[], serialization: Serialization, { hashing, digestPieces }: Tools) {
  const { method, hash_type: algorithm, shard_size: shardSize } = serialization
  if (algorithm === 'blake3')
    throw new ProducerError(
      'hash_unsupported',
      'The model was hashed with BLAKE3, which is not supported. Sign it with SHA-256.',
    )
  if (method === 'files' && algorithm === 'sha256') {
    const digests = await hashing.digests(found.map(({ path }) => path))
    return found.map(({ name, path }) => ({ name, digest: digests.get(path) as string }))
  }
  const files: { name: string; digest: string }[] = []
  for (const { name, path } of found)
    for (const { start, end, digest } of await digestPieces(path, { algorithm, shardSize }))
      files.push({ name: nameOf(method === 'shards' ? { path: name, range: { start, end } } : { path: name }), digest })
  return files
}

async function readSignature(path: string): Promise<{ bundle: z.infer<typeof Bundle>; predicate: ModelPredicate }> {
  const text = await textOf(path, 'signature_unreadable')
  try {
    const bundle = Bundle.parse(JSON.parse(text))
    const payload = Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString('utf8')
    return { bundle, predicate: Statement.parse(JSON.parse(payload)).predicate }
  } catch (cause) {
    throw new ProducerError(
      'signature_malformed',
      `${path} is no signature of OpenSSF Model Signing v1.0. Sign the model with model-signing 1.0 or later.`,
      { cause },
    )
  }
}

const textOf = (path: string, code: string): Promise<string> =>
  readFile(path, 'utf8').catch((cause) => {
    throw new ProducerError(code, `${path} cannot be read.`, { cause })
  })

/** The signature’s own name, where it lies in the model’s folder. */
function nameInside({ folder, signature }: { folder: string; signature: string }): string[] {
  const below = relative(resolve(folder), resolve(dirname(signature)))
  if (below.startsWith('..')) return []
  return [below === '' ? basename(signature) : `${below.replaceAll('\\', '/')}/${basename(signature)}`]
}
