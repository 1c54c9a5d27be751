/** Whose word counts for the demo's agents, and what they may be made of. */
import { AttestationStatus, type TrustAnchor } from '@credence/contracts/gen/credence/attestation/v1/attestation'
import type { Clients } from '@credence/sdk/clients'
import { BLUEPRINT, type Built } from '../../demo/builder/build.ts'
import { allOf, anchorFor, asks, compositionFor, profileFor, referenceFor } from '../attestation.ts'
import type { DevelopmentTpm } from '../tpm.ts'
import { measuredBoot, registersAfter } from '../tpm-boot.ts'

/** Firmware, boot loader and secure boot. */
export const SELECTION = { bank: 'sha256', pcrs: [0, 4, 7] } as const
const HOUR = 3_600n

/** @returns id of the reference value that approves the model */
export async function trust(
  { attestation }: Clients,
  { built, tpm }: { built: Built; tpm?: DevelopmentTpm },
): Promise<{ modelReference: string }> {
  const approve = async (label: string, kind: string, material: NonNullable<TrustAnchor['material']>) =>
    attestation.approveTrustAnchor({ anchor: anchorFor([kind], material, { label }) })
  const publicKey = (pem: string) => ({ $case: 'publicKey' as const, value: { pem, provider: '' } })
  await approve('Acme build pipeline', 'agent-manifest', publicKey(built.builderPem))
  await approve('Acme models', 'model-signing', publicKey(built.modelSignerPem))
  if (tpm)
    await approve('Makers of the machines', 'tpm2-quote', {
      $case: 'tpmManufacturer',
      value: { pem: tpm.manufacturerPem },
    })

  const { bank, pcrs } = SELECTION
  const rule = allOf(
    asks('agent-manifest'),
    asks('model-signing', { grade: 'files' }),
    ...(tpm ? [asks('tpm2-quote', { bank, pcrs: [...pcrs], certified: true })] : []),
  )
  const confidential = {
    sensitivity: 'confidential',
    worstAcceptableStatus: AttestationStatus.ATTESTATION_STATUS_AFFIRMING,
    maximumAgeSeconds: HOUR,
  }
  const { version } = await attestation.defineProfile({
    profile: profileFor(BLUEPRINT, { rule, maximumAgeSeconds: 12n * HOUR, sensitivities: [confidential] }),
  })
  await attestation.activateProfile({ blueprint: BLUEPRINT, version })

  const { tool_manifest: toolManifest, ...parts } = built.composition
  await attestation.approveReferenceValue({
    reference: compositionFor(BLUEPRINT, { ...parts, toolManifest }, 'Meeting scheduler 1.2'),
  })
  if (tpm) {
    const values = registersAfter(measuredBoot(), bank, pcrs)
    const registers = { $case: 'pcrs' as const, value: { bank, values } }
    await attestation.approveReferenceValue({ reference: referenceFor(BLUEPRINT, registers, 'Machines of 2026') })
  }
  return { modelReference: await approveModel({ attestation }, built) }
}

/** @returns id of the reference value */
export async function approveModel({ attestation }: Pick<Clients, 'attestation'>, built: Built): Promise<string> {
  const value = { $case: 'model' as const, value: { statementDigest: built.composition.model, signer: '' } }
  const { referenceId } = await attestation.approveReferenceValue({
    reference: referenceFor(BLUEPRINT, value, 'intent-small 1.2.0'),
  })
  return referenceId
}
