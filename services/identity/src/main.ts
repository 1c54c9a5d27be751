/** Identity: who is this, and for whom does it act. */
import { IdentityServiceService } from '@credence/contracts/gen/credence/identity/v1/identity'
import { createWriter } from '@credence/shared/event-store/aggregates'
import { createBarrier } from '@credence/shared/event-store/barrier'
import { followCommits } from '@credence/shared/event-store/follow'
import { react } from '@credence/shared/event-store/react'
import { serveHttps } from '@credence/shared/http/server'
import { runService } from '@credence/shared/service'
import { openDirectory } from './adapters/directory/directory.ts'
import { openKeys } from './adapters/keys/keys.ts'
import { openPeople } from './adapters/people.ts'
import { openReplay } from './adapters/replay/replay.ts'
import { createDelegationTokens } from './adapters/tokens/delegation-token.ts'
import { agentMethods } from './api/grpc/agents.ts'
import { blueprintMethods } from './api/grpc/blueprints.ts'
import { delegationMethods } from './api/grpc/delegations.ts'
import { humanMethods } from './api/grpc/humans.ts'
import { requestMethods } from './api/grpc/requests.ts'
import { createApp } from './api/http/app.ts'
import { createEngine } from './api/http/engine.ts'
import { registerTokenExchange } from './api/http/exchange.ts'
import { oauthListener } from './api/http/listener.ts'
import { createPages } from './api/http/pages/pages.ts'
import { readIdentityConfig } from './config.ts'
import { createGranted } from './projections/granted.ts'
import { createGrants } from './projections/grants.ts'
import { createPrincipals } from './projections/principals.ts'
import { createRequests } from './projections/requests.ts'
import { createActivation } from './reactions/activation.ts'

await runService('identity', readIdentityConfig, async (config, kernel, cleanup) => {
  const { bus, log, clock, spiffeId, tls, fail } = kernel
  const trustDomain = config.CREDENCE_TRUST_DOMAIN
  const issuer = config.CREDENCE_ISSUER
  const keys = await openKeys(config.CREDENCE_KEYS_DIR)

  const principals = createPrincipals()
  const requests = createRequests()
  const granted = createGranted()
  const grants = createGrants()
  const own = await followCommits({ bus, log, stream: 'IDENTITY', onHalt: fail }, (commit) => {
    for (const one of [principals, requests, granted]) one.apply(commit)
  })
  const policy = await followCommits({ bus, log, stream: 'POLICY', onHalt: fail }, grants.apply)
  const followers = [own, policy]
  cleanup.push(() => Promise.all(followers.map((follower) => follower.stop())))
  await Promise.all(followers.map((follower) => follower.caughtUp))

  const writer = createWriter({ bus, follower: own, stream: 'IDENTITY', source: spiffeId })
  const directory = await openDirectory({ bus, humans: principals.humans, writer, clock, source: spiffeId })
  const delegationTokens = createDelegationTokens({ keys, clock, issuer, trustDomain, principals })
  const activation = await react(
    { bus, log, name: 'identity-activation' },
    createActivation({ principals, writer, clock }),
  )
  cleanup.push(activation.stop)

  const barrier = createBarrier(bus, followers)
  const replay = await openReplay(bus)
  const engine = createEngine({ issuer, principals, replay, clock, log })
  const tokens = delegationTokens
  registerTokenExchange(engine, {
    issuer,
    spiffeId,
    trustDomain,
    keys,
    principals,
    grants,
    followers,
    barrier,
    writer,
    replay,
    tokens,
    clock,
    log,
  })
  const context = { trustDomain, principals, writer, followers, clock, directory, delegationTokens, keys }
  const people = await openPeople({ signInFile: config.CREDENCE_SIGN_IN_FILE, issuer, kernel, fetch })
  const pages = people && createPages({ ...context, ...people, issuer, barrier, requests, granted })
  const http = await serveHttps(config.CREDENCE_HTTP_LISTEN, tls, oauthListener(engine, createApp(keys, pages), issuer))
  cleanup.push(http.stop)

  await kernel.serve({
    definition: IdentityServiceService,
    name: 'credence.identity.v1.IdentityService',
    methods: {
      ...blueprintMethods(context),
      ...agentMethods(context),
      ...delegationMethods(context),
      ...humanMethods(context),
      ...requestMethods(context, { requests, people, issuer }),
    } as never,
    findAgent: principals.callerBySpiffeId,
    barrier,
    resolveHuman: directory.resolve,
  })
})
