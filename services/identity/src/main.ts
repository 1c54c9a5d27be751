/** Identity: who is this, and for whom does it act. */
import { IdentityServiceService } from '@credence/contracts/gen/credence/identity/v1/identity'
import { createWriter } from '@credence/shared/event-store/aggregates'
import { createBarrier } from '@credence/shared/event-store/barrier'
import { followCommits } from '@credence/shared/event-store/follow'
import { react } from '@credence/shared/event-store/react'
import { serveHttps } from '@credence/shared/http/server'
import { runService } from '@credence/shared/service'
import { openDirectory } from './adapters/directory/directory.ts'
import { openKeys } from './adapters/keys/open-keys.ts'
import { openChallengeSecret, openOAuthStore } from './adapters/oauth-store/oauth-store.ts'
import { openReplay } from './adapters/replay/replay.ts'
import { authorityCertificate } from './adapters/svid/certificates.ts'
import { createSvids } from './adapters/svid/svids.ts'
import { createDelegationTokens } from './adapters/tokens/delegation-token.ts'
import { ownBundle } from './adapters/trust-bundle/own-bundle.ts'
import { agentMethods } from './api/grpc/agents.ts'
import { blueprintMethods } from './api/grpc/blueprints.ts'
import { delegationMethods } from './api/grpc/delegations.ts'
import { humanMethods } from './api/grpc/humans.ts'
import { svidMethods } from './api/grpc/svids.ts'
import { createApp } from './api/http/app.ts'
import { readAttesters } from './api/http/attestation.ts'
import { registerCodeGrant } from './api/http/code-grant.ts'
import { createEngine } from './api/http/engine.ts'
import { registerTokenExchange } from './api/http/exchange.ts'
import { createInteractions } from './api/http/interactions.ts'
import { createLimits } from './api/http/limits.ts'
import { oauthListener } from './api/http/listener.ts'
import { createRefusals } from './api/http/refusals.ts'
import { readIdentityConfig } from './config.ts'
import { createGrants } from './projections/grants.ts'
import { createPrincipals } from './projections/principals.ts'
import { createSigningKeys } from './projections/signing-keys.ts'
import { createActivation } from './reactions/activation.ts'
import { createKeyRotation } from './reactions/key-rotation.ts'

await runService('identity', readIdentityConfig, async (config, kernel, cleanup) => {
  const { bus, log, clock, spiffeId, tls, fail } = kernel
  const trustDomain = config.CREDENCE_TRUST_DOMAIN
  const issuer = config.CREDENCE_ISSUER
  const keyStore = await openKeys(config, { clock, log, certify: authorityCertificate(trustDomain) })
  cleanup.push(keyStore.close)
  const { keys } = keyStore
  const svids = createSvids({ keys, clock, trustDomain })

  const principals = createPrincipals()
  const grants = createGrants()
  const signingKeys = createSigningKeys()
  const own = await followCommits({ bus, log, stream: 'IDENTITY', onHalt: fail }, (commit) => {
    principals.apply(commit)
    signingKeys.apply(commit)
  })
  const policy = await followCommits({ bus, log, stream: 'POLICY', onHalt: fail }, grants.apply)
  const followers = [own, policy]
  cleanup.push(() => Promise.all(followers.map((follower) => follower.stop())))
  await Promise.all(followers.map((follower) => follower.caughtUp))

  const writer = createWriter({ bus, follower: own, stream: 'IDENTITY', source: spiffeId })
  await keyStore.keepUp(createKeyRotation({ signingKeys, writer, clock, source: spiffeId }))
  const directory = await openDirectory({ bus, humans: principals.humans, writer, clock, source: spiffeId })
  const delegationTokens = createDelegationTokens({ keys, clock, issuer, trustDomain, principals })
  const activation = await react(
    { bus, log, name: 'identity-activation' },
    createActivation({ principals, writer, clock }),
  )
  cleanup.push(activation.stop)

  const barrier = createBarrier(bus, followers)
  const replay = await openReplay(bus)
  const store = await openOAuthStore(bus)
  const refusals = createRefusals({ writer, spiffeId, clock, log })
  cleanup.push(refusals.flush)
  const bundle = ownBundle({ trustDomain, keys, caFile: tls.caFile })
  const limits = createLimits(config.CREDENCE_TOKEN_RATE_PER_CLIENT)
  const attestersFile = config.CREDENCE_CLIENT_ATTESTERS_FILE
  const parts = { issuer, spiffeId, trustDomain, principals, barrier, writer, replay, refusals, limits, clock, log }
  const tokens = delegationTokens
  const engine = createEngine({
    ...parts,
    store,
    attesters: attestersFile ? readAttesters(attestersFile) : undefined,
    challengeSecret: await openChallengeSecret(bus),
    nonceRequired: config.CREDENCE_DPOP_NONCE === 'required',
  })
  registerTokenExchange(engine, { ...parts, keys, grants, followers, tokens })
  registerCodeGrant(engine, { ...parts, tokens })
  const interactions = createInteractions(engine, store, principals)
  const app = createApp(keys, svids)
  const http = await serveHttps(config.CREDENCE_HTTP_LISTEN, tls, oauthListener(engine, app, { ...parts, bundle }), {
    clientAuthorities: bundle().x509Authorities.map(String),
  })
  cleanup.push(http.stop)

  const context = { trustDomain, principals, writer, followers, clock, directory, delegationTokens, keys, interactions }
  await kernel.serve({
    definition: IdentityServiceService,
    name: 'credence.identity.v1.IdentityService',
    methods: {
      ...blueprintMethods(context),
      ...agentMethods(context),
      ...delegationMethods(context),
      ...humanMethods(context),
      ...svidMethods({ ...context, barrier, svids }),
    } as never,
    findAgent: principals.callerBySpiffeId,
    barrier,
    resolveHuman: directory.resolve,
  })
})
