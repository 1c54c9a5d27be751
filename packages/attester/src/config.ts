/** What an attester is told, from one JSON file: who the agent is, what it is made of, which evidence it shows. */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { PcrBank, PcrIndex } from '@credence/contracts/attestation/kinds'
import { AgentId, Sha256 } from '@credence/contracts/events/values'
import { z } from 'zod'

/** The file is wrong. The message names each member and what it must be. */
export class ConfigError extends Error {}

/** Paths are relative to the folder of the file that names them. */
const schemaIn = (folder: string) => {
  const Path = z
    .string()
    .min(1, 'must not be empty')
    .max(4096)
    .transform((path) => resolve(folder, path))
  const Image = z
    .string()
    .transform((text) => text.replace(/^.*sha256:/, ''))
    .pipe(Sha256)
  const Text = z.string().min(1, 'must not be empty').max(512)
  const orFile = <T extends z.ZodType>(schema: T) => z.union([Path.transform((file) => ({ file })), schema])

  const program = orFile(
    z.union([
      z.strictObject({ file: Path }),
      z.strictObject({ process: z.literal(true) }),
      z.strictObject({ image: Image }),
      z.strictObject({ image_file: Path }).transform(({ image_file: imageFile }) => ({ imageFile })),
    ]),
  )
  const model = orFile(
    z.union([
      z.strictObject({ file: Path }),
      z
        .strictObject({ folder: Path, signature: Path.optional(), follow_links: z.boolean().optional() })
        .transform(({ follow_links: followLinks, ...rest }) => ({ ...rest, followLinks })),
      z
        .strictObject({ provider_statement: Path })
        .transform(({ provider_statement: providerStatement }) => ({ providerStatement })),
      z.strictObject({ provider: Text, name: Text, version: Text }),
    ]),
  )
  const evidence = z
    .strictObject({
      'agent-manifest': z.strictObject({ file: Path }).optional(),
      /** What is signed about the model is told under `model`. */
      'model-signing': z.strictObject({}).optional(),
      /** The image is that of the program, unless it is named here. */
      'container-image': z
        .strictObject({
          bundle: Path,
          image: Image.optional(),
          image_file: Path.optional(),
          image_variable: Text.optional(),
        })
        .optional(),
      'kubernetes-sat': z.strictObject({ token_file: Path.optional() }).optional(),
      'spiffe-svid': z
        .union([
          z.strictObject({
            socket: z.string().default(() => process.env.SPIFFE_ENDPOINT_SOCKET ?? ''),
            form: z.enum(['x509', 'jwt']),
            spiffe_id: Text.optional(),
          }),
          z.strictObject({ certificates: Path, key: Path }),
          z.strictObject({ token_file: Path }),
        ])
        .optional(),
      'tpm2-quote': z
        .strictObject({
          /** As `credence tpm enrol` left it. */
          key_folder: Path,
          tcti: Text.default('device:/dev/tpmrm0'),
          bank: PcrBank,
          pcrs: z.array(PcrIndex).min(1, 'must not be empty').max(24),
          event_log: Path.optional(),
        })
        .optional(),
    })
    .default({})

  return z
    .strictObject({
      agent_id: AgentId,
      spiffe_id: z
        .string()
        .regex(
          /^spiffe:\/\/[a-z0-9._-]+\/agent\/[a-z0-9-]+\/agt_[0-9a-z]+$/,
          'must be like spiffe://domain/agent/blueprint/agt_…',
        ),
      /** Made when it is missing; register its public key. */
      key_file: Path,
      /** Public listener of the attestation service, host:port. */
      service: z.string().regex(/^[^\s/:]+:\d{1,5}$|^\[[0-9a-f:]+\]:\d{1,5}$/, 'must be like host:7413'),
      ca_file: Path,
      program,
      prompt: Path,
      tools: orFile(z.strictObject({ file: Path, server: Text.optional() })),
      model,
      evidence,
      /** The agent’s process; `--pid` says it on the command line. */
      pid_file: Path.optional(),
      /** Digests of large files, kept from one run to the next. */
      cache_file: Path.optional(),
      /** How often to ask whether the result still counts. */
      recheck_seconds: z.int().min(5, 'must be at least 5').max(86_400, 'must be at most 86400').default(60),
    })
    .refine(({ spiffe_id, agent_id }) => spiffe_id.endsWith(`/${agent_id}`), {
      path: ['spiffe_id'],
      error: 'must end in agent_id',
    })
    .refine((config) => !config.evidence['container-image'] || imageSource(config) !== undefined, {
      path: ['evidence', 'container-image'],
      error: 'must name the image in one of image, image_file, image_variable; or the program must be an image',
    })
    .refine(({ evidence, model }) => !evidence['model-signing'] || !('file' in model), {
      path: ['evidence', 'model-signing'],
      error: 'needs a model with a signature, a provider statement, or a provider',
    })
    .refine(({ evidence, model }) => !evidence['model-signing'] || !('folder' in model) || Boolean(model.signature), {
      path: ['model', 'signature'],
      error: 'is missing: the evidence model-signing shows it',
    })
}

/** Where the digest of the running image is known from. */
export function imageSource({ evidence, program }: Imaged): Image | undefined {
  const { image, image_file: imageFile, image_variable: imageVariable } = evidence['container-image'] ?? {}
  if (image) return { image }
  if (imageFile) return { imageFile }
  if (imageVariable) return { imageVariable }
  if ('image' in program) return { image: program.image }
  return 'imageFile' in program ? { imageFile: program.imageFile } : undefined
}
type Image = { image: string } | { imageFile: string } | { imageVariable: string }
type Named = { image?: string | undefined; image_file?: string | undefined; image_variable?: string | undefined }
type Imaged = {
  evidence: { 'container-image'?: Named | undefined }
  program: { file: string } | { process: true } | { image: string } | { imageFile: string }
}

export type AttesterConfig = z.infer<ReturnType<typeof schemaIn>>

/** @throws ConfigError naming the file and each member that is wrong */
export function readAttesterConfig(file: string): AttesterConfig {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw new ConfigError(missing ? `There is no ${file}.` : `${file} is not JSON: ${(error as Error).message}`)
  }
  const parsed = schemaIn(dirname(resolve(file))).safeParse(value)
  if (!parsed.success) throw new ConfigError(`${file} is wrong:\n${z.prettifyError(parsed.error)}`)
  return parsed.data
}

/** @returns the process of the agent, from the file that it or its starter writes @throws ConfigError */
export function readPidFile(file: string): number {
  try {
    const pid = Number(readFileSync(file, 'utf8').trim())
    if (Number.isSafeInteger(pid) && pid > 0) return pid
  } catch {}
  throw new ConfigError(`${file} does not hold the number of a process. Is the agent running?`)
}
