/** Attestation: what is it really running, and is that what was approved. */
import { randomBytes } from 'node:crypto'
import { AttestationServiceService } from '@credence/contracts/gen/credence/attestation/v1/attestation'
import { createResolveHuman } from '@credence/shared/callers/resolve-human'
import { createWriter } from '@credence/shared/event-store/aggregates'
import { createBarrier } from '@credence/shared/event-store/barrier'
import { keepModels, snapshotsOf } from '@credence/shared/event-store/keep'
import { listener } from '@credence/shared/event-store/read-model'
import { createPrincipals } from '@credence/shared/principals'
import { repeat } from '@credence/shared/repeat'
import { runService } from '@credence/shared/service'
import { createSignAsService } from '@credence/shared/spiffe/signed-jwt'
import { createBundles, withCurrentBundles } from './adapters/bundles/bundles.ts'
import { readClusters } from './adapters/kubernetes/clusters.ts'
import { createReviews } from './adapters/kubernetes/review.ts'
import { createIssueEar } from './adapters/results/ear.ts'
import { tpmEnroller } from './adapters/tpm/enroller.ts'
import { createPool } from './adapters/verifiers/pool.ts'
import { openStatement } from './adapters/verifiers/software/statement.ts'
import { createVerifiers } from './adapters/verifiers/verifiers.ts'
import { createVerify, VERIFICATION_MS } from './adapters/verifiers/verify.ts'
import { anchorMethods } from './api/grpc/anchors.ts'
import { evidenceMethods } from './api/grpc/evidence.ts'
import { measurementMethods } from './api/grpc/measurements.ts'
import { profileMethods } from './api/grpc/profiles.ts'
import { referenceMethods } from './api/grpc/references.ts'
import { tpmMethods } from './api/grpc/tpm.ts'
import { createLimits } from './api/limits.ts'
import { readAttestationConfig } from './config.ts'
import { appraisers } from './domain/kinds/kinds.ts'
import { createAppraisals } from './projections/appraisals.ts'
import { createRevocations, isWithdrawal } from './reactions/revocations.ts'

const BUILD = '0.1.0'
/** How often is looked whether a result counts no more; at once when something was withdrawn. */
const SWEEP_MS = 5_000
/** How often is looked whether a bundle of another trust domain is due to be fetched. */
const BUNDLES_MS = 10_000

await runService('attestation', readAttestationConfig, async (config, kernel, cleanup) => {
  const { bus, log, clock, egress, spiffeId, tls, fail: onHalt } = kernel
  const principals = createPrincipals()
  const appraisals = createAppraisals()
  let sweepSoon = () => {}
  const keeper = await keepModels({
    bus,
    log,
    models: {
      IDENTITY: principals.models,
      ATTESTATION: [
        ...appraisals.models,
        listener('attestation/withdrawals', ({ facts }) => {
          if (facts.some((fact) => isWithdrawal(fact, appraisals))) sweepSoon()
        }),
      ],
    },
    snapshots: snapshotsOf('attestation', config.CREDENCE_DATA_DIR, import.meta.url),
    onHalt,
  })
  cleanup.push(keeper.stop)
  await keeper.caughtUp
  const { IDENTITY: identity, ATTESTATION: own } = keeper.followers
  const followers = [identity, own]

  const writer = createWriter({ bus, follower: own, stream: 'ATTESTATION', source: spiffeId })
  const ruling = { appraisals, principals, appraisers, writer, clock, source: spiffeId, random: Math.random }
  const revocations = createRevocations(ruling)
  const sweep = repeat({ name: 'revocations', everyMs: SWEEP_MS, log }, revocations)
  cleanup.push(sweep.stop)
  sweepSoon = sweep.soon
  const bundles = createBundles({ egress, clock, log })
  const refreshing = repeat({ name: 'bundles', everyMs: BUNDLES_MS, log }, () =>
    bundles.refresh(appraisals.livingAnchors()),
  )
  cleanup.push(refreshing.stop)

  const { CREDENCE_IDENTITY_GRPC: address, CREDENCE_TRUST_DOMAIN: trustDomain } = config
  const resolveHuman = createResolveHuman({ address, trustDomain, tls, cleanup })
  const pool = createPool({ withinMs: VERIFICATION_MS })
  cleanup.push(pool.stop)
  const barrier = createBarrier(bus, followers)
  const reviews = createReviews(readClusters(config.CREDENCE_KUBERNETES_CLUSTERS_FILE))
  cleanup.push(reviews.close)
  const context = {
    spiffeId,
    principals,
    appraisals,
    writer,
    barrier,
    followers,
    clock,
    log,
    openStatement,
    verify: withCurrentBundles(bundles, createVerify({ verifiers: createVerifiers(reviews), pool, log })),
    appraisers,
    issueEar: createIssueEar(createSignAsService(tls), spiffeId, BUILD),
    limits: createLimits(),
    newNonce: () => randomBytes(32).toString('base64url'),
  }
  await kernel.serve({
    definition: AttestationServiceService,
    name: 'credence.attestation.v1.AttestationService',
    methods: {
      ...profileMethods(context),
      ...referenceMethods(context),
      ...measurementMethods(context),
      ...anchorMethods(context),
      ...evidenceMethods(context),
      ...tpmMethods({ ...context, tpmEnroller }),
    },
    isCurrent: () => followers.every((follower) => follower.fresh()),
    findAgent: principals.callerBySpiffeId,
    barrier,
    resolveHuman,
  })
})
