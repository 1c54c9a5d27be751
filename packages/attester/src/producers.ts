/** Which producers a configuration asks for, and the files that they read. */
import type { EvidenceKind } from '@credence/contracts/attestation/kinds'
import { type AttesterConfig, imageSource } from './config.ts'
import { agentManifestProducer } from './evidence/agent-manifest.ts'
import { containerImageProducer } from './evidence/container-image.ts'
import { createKubernetesSat } from './evidence/kubernetes-sat.ts'
import { modelSigningProducer } from './evidence/model-signing.ts'
import { type SvidSource, spiffeSvidProducer } from './evidence/spiffe-svid.ts'
import { createTpm2Quote } from './evidence/tpm2-quote.ts'
import type { Hashing } from './hashing/hashing.ts'
import type { Producer } from './producer.ts'
import { createQuoter } from './tpm/quote.ts'
import type { Watched } from './watched.ts'

export type Configured = {
  kind: EvidenceKind
  produce: Producer
  /** A change of these is new evidence; tokens and SVIDs are none: they are read anew each time. */
  watched: Watched[]
  close?: () => Promise<void>
}

/** @param about.audience SPIFFE ID of the attestation service */
export function producersOf(
  { evidence, model, program }: AttesterConfig,
  about: { audience: string; hashing: Hashing },
): Configured[] {
  const made: Configured[] = []
  const manifest = evidence['agent-manifest']
  if (manifest)
    made.push({
      kind: 'agent-manifest',
      produce: agentManifestProducer(manifest.file),
      watched: [{ file: manifest.file }],
    })
  if (evidence['model-signing'] && !('file' in model)) {
    const source = 'folder' in model ? { folder: model.folder, signature: model.signature ?? '' } : model
    made.push({ kind: 'model-signing', produce: modelSigningProducer(source, about), watched: [] })
  }
  const provenance = evidence['container-image']
  const image = imageSource({ evidence, program })
  if (provenance && image)
    made.push({
      kind: 'container-image',
      produce: containerImageProducer({ bundle: provenance.bundle, ...image }),
      watched: [{ file: provenance.bundle }],
    })
  const token = evidence['kubernetes-sat']
  if (token) {
    const { token_file: tokenFile } = token
    made.push({ kind: 'kubernetes-sat', produce: createKubernetesSat(tokenFile ? { tokenFile } : {}), watched: [] })
  }
  const svid = evidence['spiffe-svid']
  if (svid)
    made.push({
      kind: 'spiffe-svid',
      produce: spiffeSvidProducer({ source: sourceOf(svid), audience: about.audience }),
      watched: [],
    })
  const quote = evidence['tpm2-quote']
  if (quote) {
    const { tcti, key_folder: folder, bank, pcrs, event_log: eventLog } = quote
    const quoter = createQuoter({ tcti, folder })
    const log = eventLog === undefined ? {} : { eventLog }
    const produce = createTpm2Quote({ quoter, selection: { bank, pcrs }, ...log })
    made.push({ kind: 'tpm2-quote', produce, watched: [], close: quoter.close })
  }
  return made
}

function sourceOf(svid: NonNullable<AttesterConfig['evidence']['spiffe-svid']>): SvidSource {
  if ('certificates' in svid) return { from: 'x509-files', ...svid }
  if ('token_file' in svid) return { from: 'jwt-file', token: svid.token_file }
  const { socket, form, spiffe_id: spiffeId } = svid
  return { from: 'workload-api', socket, form, ...(spiffeId ? { spiffeId } : {}) }
}

/** What an agent is made of, as files to watch. */
export function watchedOf({ program, prompt, tools, model }: AttesterConfig): Watched[] {
  return [
    ...('file' in program ? [{ file: program.file }] : []),
    ...('imageFile' in program ? [{ file: program.imageFile }] : []),
    { file: prompt },
    { file: tools.file },
    ...('file' in model ? [{ file: model.file }] : []),
    ...('folder' in model ? [{ folder: model.folder, followLinks: model.followLinks ?? false }] : []),
    ...('folder' in model && model.signature ? [{ file: model.signature }] : []),
    ...('providerStatement' in model ? [{ file: model.providerStatement }] : []),
  ]
}
