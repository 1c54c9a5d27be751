/** Policy: what may it do, under which conditions, for how long. */
import { PolicyServiceService } from '@credence/contracts/gen/credence/policy/v1/policy'
import { createVerifyAccessToken } from '@credence/shared/access-token/verify'
import { createResolveHuman } from '@credence/shared/callers/resolve-human'
import { createWriter } from '@credence/shared/event-store/aggregates'
import { createBarrier } from '@credence/shared/event-store/barrier'
import { keepModels, snapshotsOf } from '@credence/shared/event-store/keep'
import { react } from '@credence/shared/event-store/react'
import { listener } from '@credence/shared/event-store/read-model'
import { createRecorder } from '@credence/shared/event-store/recorder'
import { runService } from '@credence/shared/service'
import { openActs } from './adapters/acts/acts.ts'
import { cedarEngine } from './adapters/cedar/cedar.ts'
import { createReadText } from './adapters/policy-text/policy-text.ts'
import { createReceipts } from './adapters/receipts/receipts.ts'
import { openSnapshots } from './adapters/snapshots/snapshots.ts'
import { createTrust } from './adapters/trust/trust.ts'
import { createDesk } from './api/approvals.ts'
import { createAsk } from './api/decide.ts'
import { extAuthzService } from './api/ext-authz/check.ts'
import { approvalMethods } from './api/grpc/approvals.ts'
import { decisionMethods } from './api/grpc/decisions.ts'
import { grantMethods } from './api/grpc/grants.ts'
import { locationMethods } from './api/grpc/locations.ts'
import { policiesMethods } from './api/grpc/policies.ts'
import { replayMethods } from './api/grpc/replay.ts'
import { riskMethods } from './api/grpc/risk.ts'
import { taskMethods } from './api/grpc/tasks.ts'
import { accessRequestsOf } from './api/http/access-requests.ts'
import { serveAuthzen } from './api/http/serve.ts'
import { createWatches } from './api/watches.ts'
import { readPolicyConfig } from './config.ts'
import { createSnapshots } from './projections/snapshots.ts'
import { createWorld } from './projections/world.ts'
import { createEndings } from './reactions/endings.ts'
import { createPolicyLoader } from './reactions/policies.ts'

/** How often it is looked whether something that is relied on has ended by itself. */
const TICK_MS = 500

await runService('policy', readPolicyConfig, async (config, kernel, cleanup) => {
  const { bus, log, clock, spiffeId, tls, fail: onHalt } = kernel
  const world = createWorld()
  const watches = createWatches()
  const { policySets } = world
  const readText = createReadText(bus)
  const policies = createPolicyLoader({ policySets, readText, engine: cedarEngine, log })
  cleanup.push(policies.stop)
  let current = false
  const refreshing = listener('policy/refreshing', (commit) => {
    if (current && /^(policyset|live)\//.test(commit.subject)) void policies.refresh()
  })
  const watching = listener('policy/watching', watches.apply)
  const { IDENTITY, ATTESTATION, POLICY } = world.models
  const keeper = await keepModels({
    bus,
    log,
    models: {
      IDENTITY: [...IDENTITY, watching],
      ATTESTATION: [...ATTESTATION, watching],
      POLICY: [...POLICY, refreshing, watching],
    },
    snapshots: snapshotsOf('policy', config.CREDENCE_DATA_DIR, import.meta.url),
    onHalt,
  })
  cleanup.push(keeper.stop)
  await keeper.caughtUp
  const { IDENTITY: identity, ATTESTATION: attestation, POLICY: own } = keeper.followers
  const followers = [identity, attestation, own]
  current = true
  await policies.refresh()

  const writer = createWriter({ bus, follower: own, stream: 'POLICY', source: spiffeId })
  const recorder = createRecorder({ bus, stream: 'DECISIONS' })
  cleanup.push(recorder.stop)
  const seeAllTasks = async () => own.reached((await bus.jsm.streams.info('POLICY')).state.last_seq, 5_000)
  const endings = await react(
    { bus, log, name: 'policy-endings' },
    createEndings({ world, writer, clock, current: seeAllTasks }),
  )
  cleanup.push(endings.stop)
  const ticking = setInterval(() => watches.tick(clock()), TICK_MS)
  cleanup.push(() => clearInterval(ticking))

  const { CREDENCE_IDENTITY_GRPC: address, CREDENCE_TRUST_DOMAIN: trustDomain } = config
  const resolveHuman = createResolveHuman({ address, trustDomain, tls, cleanup })
  const barrier = createBarrier(bus, followers)
  const kept = await openSnapshots(bus)
  cleanup.push(kept.stop)
  const context = {
    spiffeId,
    bus,
    world,
    policies,
    writer,
    recorder,
    followers,
    barrier,
    clock,
    acts: await openActs(bus),
    snapshots: createSnapshots(world.lookup, kept.keep),
    readSnapshot: kept.read,
    receipts: createReceipts(tls, spiffeId),
    watches,
  }
  const ask = createAsk(context)
  const desk = createDesk(context)
  const { algorithmFor } = kernel.roles
  const verifyAccessToken = createVerifyAccessToken({ issuer: config.CREDENCE_ISSUER, fetch, algorithmFor, clock })
  await kernel.serve({
    definition: PolicyServiceService,
    name: 'credence.policy.v1.PolicyService',
    also: [extAuthzService({ ask, verifyAccessToken })],
    methods: {
      ...policiesMethods({ policySets, policies, engine: cedarEngine, readText, writer, clock }),
      ...locationMethods(context),
      ...taskMethods(context),
      ...grantMethods(context),
      ...decisionMethods(context, ask),
      ...replayMethods(context),
      ...approvalMethods(context, desk),
      ...riskMethods(context),
    },
    isCurrent: () => followers.every((follower) => follower.fresh()),
    findAgent: world.principals.callerBySpiffeId,
    barrier,
    resolveHuman,
  })
  const { CREDENCE_POLICY_HTTP_LISTEN: listen, CREDENCE_POLICY_URL: url = '' } = config
  if (listen) {
    const trust = createTrust({ address, trustDomain, tls, clock, cleanup })
    const accessRequests = accessRequestsOf(context, desk)
    const serving = { listen, url, tls, trust, roles: kernel.roles, ask, accessRequests, log }
    const http = await serveAuthzen(context, serving)
    cleanup.push(http.stop)
  }
})
