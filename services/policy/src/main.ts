/** Policy: what may it do, under which conditions, for how long. */
import { PolicyServiceService } from '@credence/contracts/gen/credence/policy/v1/policy'
import { createResolveHuman } from '@credence/shared/callers/resolve-human'
import { createWriter } from '@credence/shared/event-store/aggregates'
import { createBarrier } from '@credence/shared/event-store/barrier'
import { keepModels, snapshotsOf } from '@credence/shared/event-store/keep'
import { react } from '@credence/shared/event-store/react'
import { listener } from '@credence/shared/event-store/read-model'
import { runService } from '@credence/shared/service'
import { checkPolicies, createCedar } from './adapters/cedar/cedar.ts'
import { createTrust } from './adapters/trust/trust.ts'
import { createAsk } from './api/decide.ts'
import { administrationMethods } from './api/grpc/administration.ts'
import { decisionMethods } from './api/grpc/decisions.ts'
import { taskMethods } from './api/grpc/tasks.ts'
import { serveAuthzen } from './api/http/serve.ts'
import { readPolicyConfig } from './config.ts'
import { createWorld } from './projections/world.ts'
import { createEndings } from './reactions/endings.ts'
import { createPolicyLoader } from './reactions/policies.ts'

await runService('policy', readPolicyConfig, async (config, kernel, cleanup) => {
  const { bus, log, clock, spiffeId, tls, fail: onHalt } = kernel
  const world = createWorld()
  const policies = createPolicyLoader(world, createCedar(kernel.fail), log)

  let current = false
  const refreshing = listener('policy/refreshing', (commit) => {
    if (current && commit.subject.startsWith('policyset/')) void policies.refresh()
  })
  const keeper = await keepModels({
    bus,
    log,
    models: { ...world.models, POLICY: [...world.models.POLICY, refreshing] },
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
  const seeAllTasks = async () => own.reached((await bus.jsm.streams.info('POLICY')).state.last_seq, 5_000)
  const endings = await react(
    { bus, log, name: 'policy-endings' },
    createEndings({ world, writer, clock, current: seeAllTasks }),
  )
  cleanup.push(endings.stop)
  const { CREDENCE_IDENTITY_GRPC: address, CREDENCE_TRUST_DOMAIN: trustDomain } = config
  const resolveHuman = createResolveHuman({ address, trustDomain, tls, cleanup })

  const barrier = createBarrier(bus, followers)
  const context = { spiffeId, bus, world, policies, checkPolicies, writer, followers, barrier, clock }
  await kernel.serve({
    definition: PolicyServiceService,
    name: 'credence.policy.v1.PolicyService',
    methods: { ...administrationMethods(context), ...taskMethods(context), ...decisionMethods(context) },
    findAgent: world.principals.callerBySpiffeId,
    barrier,
    resolveHuman,
  })
  const { CREDENCE_POLICY_HTTP_LISTEN: listen, CREDENCE_POLICY_URL: url = '' } = config
  if (listen) {
    const trust = createTrust({ address, trustDomain, tls, clock, cleanup })
    const ask = createAsk(context)
    const serving = { listen, url, tls, trust, roles: kernel.roles, ask, accessRequests: undefined, log }
    const http = await serveAuthzen(context, serving)
    cleanup.push(http.stop)
  }
})
