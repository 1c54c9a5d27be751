/** Attestation: what is it really running, and is that what was approved. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { AttestationServiceService } from '@credence/contracts/gen/credence/attestation/v1/attestation'
import { createResolveHuman } from '@credence/shared/callers/resolve-human'
import { createWriter } from '@credence/shared/event-store/aggregates'
import { createBarrier } from '@credence/shared/event-store/barrier'
import { followCommits } from '@credence/shared/event-store/follow'
import { openSigningKey } from '@credence/shared/keys'
import { createPrincipals } from '@credence/shared/principals'
import { runService } from '@credence/shared/service'
import { createIssueEar } from './adapters/results/ear.ts'
import { verifySoftware } from './adapters/verifiers/software/software.ts'
import { evidenceMethods } from './api/grpc/evidence.ts'
import { referenceMethods } from './api/grpc/references.ts'
import { readAttestationConfig } from './config.ts'
import { createAppraisals } from './projections/appraisals.ts'

const BUILD = '0.1.0'

await runService('attestation', readAttestationConfig, async (config, kernel, cleanup) => {
  const { bus, log, clock, spiffeId, tls, fail: onHalt } = kernel
  const key = await openSigningKey(join(config.CREDENCE_KEYS_DIR, 'results.pem'), 'P-256')
  const principals = createPrincipals()
  const appraisals = createAppraisals()
  const identity = await followCommits({ bus, log, stream: 'IDENTITY', onHalt }, principals.apply)
  const own = await followCommits({ bus, log, stream: 'ATTESTATION', onHalt }, appraisals.apply)
  const followers = [identity, own]
  cleanup.push(() => Promise.all(followers.map((follower) => follower.stop())))
  await Promise.all(followers.map((follower) => follower.caughtUp))

  const { CREDENCE_IDENTITY_GRPC: address, CREDENCE_TRUST_DOMAIN: trustDomain } = config
  const resolveHuman = createResolveHuman({ address, trustDomain, tls, cleanup })
  const context = {
    spiffeId,
    principals,
    appraisals,
    writer: createWriter({ bus, follower: own, stream: 'ATTESTATION', source: spiffeId }),
    followers,
    clock,
    verifySoftware,
    issueEar: createIssueEar(key, spiffeId, BUILD),
    newNonce: () => randomBytes(32).toString('base64url'),
  }
  await kernel.serve({
    definition: AttestationServiceService,
    name: 'credence.attestation.v1.AttestationService',
    methods: { ...referenceMethods(context), ...evidenceMethods(context) },
    findAgent: principals.callerBySpiffeId,
    barrier: createBarrier(bus, [identity]),
    resolveHuman,
  })
})
