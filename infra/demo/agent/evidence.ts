/** What the demo agent shows: its files as they are now, its builder's word for them, its model's signature, its machine's TPM. */
import { join } from 'node:path'
import { agentManifestProducer } from '@credence/attester/evidence/agent-manifest'
import { modelSigningProducer } from '@credence/attester/evidence/model-signing'
import { createTpm2Quote } from '@credence/attester/evidence/tpm2-quote'
import { createHashing } from '@credence/attester/hashing/hashing'
import { type Made, measureComposition } from '@credence/attester/measure/composition'
import type { Producer } from '@credence/attester/producer'
import { createQuoter, type Selection } from '@credence/attester/tpm/quote'
import type { EvidenceKind } from '@credence/contracts/attestation/kinds'
import type { Composition } from '@credence/contracts/events/values'
import type { Collect } from '@credence/sdk/agent/attestation'

/** The parts of an agent whose files lie in a folder. */
export const madeIn = (folder: string) =>
  ({
    program: { file: join(folder, 'agent.ts') },
    prompt: join(folder, 'prompt.md'),
    tools: { file: join(folder, 'tools.json') },
    model: { folder: join(folder, 'model'), signature: join(folder, 'model', 'model.sig') },
  }) satisfies Made

/** `folder`: where the files of the enrolled attestation key are. */
export type TpmOfAgent = { tcti: string; folder: string; selection: Selection }

export type DemoEvidence = { collect: Collect; composition(): Promise<Composition>; close(): Promise<void> }

/** @param about.manifest the bundle that the builder signed */
export function createEvidence(about: {
  folder: string
  manifest: string
  tpm?: TpmOfAgent | undefined
}): DemoEvidence {
  const made = madeIn(about.folder)
  const hashing = createHashing()
  const quoter = about.tpm && createQuoter(about.tpm)
  const producers: [EvidenceKind, Producer][] = [
    ['agent-manifest', agentManifestProducer(about.manifest)],
    ['model-signing', modelSigningProducer(made.model, { hashing })],
  ]
  if (quoter && about.tpm) producers.push(['tpm2-quote', createTpm2Quote({ quoter, selection: about.tpm.selection })])
  const composition = async () => (await measureComposition(made, { hashing })).composition
  return {
    composition,
    collect: async ({ nonce, bindingOf, now }) => ({
      measurements: await composition(),
      evidence: await Promise.all(
        producers.map(([kind, produce]) => produce({ nonce, binding: bindingOf(kind), now })),
      ),
    }),
    close: async () => {
      await Promise.all([hashing.close(), quoter?.close()])
    },
  }
}
