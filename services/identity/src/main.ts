/** Identity: who is this, and for whom does it act. */
import { IdentityServiceService } from '@credence/contracts/gen/credence/identity/v1/identity'
import { createVerifyBearer } from '@credence/shared/callers/bearer'
import { createWriter } from '@credence/shared/event-store/aggregates'
import { createBarrier } from '@credence/shared/event-store/barrier'
import { keepModels, snapshotsOf } from '@credence/shared/event-store/keep'
import { react } from '@credence/shared/event-store/react'
import { serveHttps } from '@credence/shared/http/server'
import { repeat } from '@credence/shared/repeat'
import { createRevokedTokens } from '@credence/shared/revoked-tokens'
import { runService } from '@credence/shared/service'
import { openDirectory } from './adapters/directory/directory.ts'
import { openKeys } from './adapters/keys/open-keys.ts'
import { openChallengeSecret, openOAuthStore } from './adapters/oauth-store/oauth-store.ts'
import { openPeople } from './adapters/people.ts'
import { connectTasks } from './adapters/policy/tasks.ts'
import { openReplay } from './adapters/replay/replay.ts'
import { authorityCertificate } from './adapters/svid/certificates.ts'
import { createSvids } from './adapters/svid/svids.ts'
import { createAccessTokens } from './adapters/tokens/access-token.ts'
import { createDelegationTokens } from './adapters/tokens/delegation-token.ts'
import { ownBundle } from './adapters/trust-bundle/own-bundle.ts'
import { agentKeyMethods } from './api/grpc/agent-keys.ts'
import { agentListMethods } from './api/grpc/agent-lists.ts'
import { agentLifeMethods } from './api/grpc/agent-lives.ts'
import { agentMethods } from './api/grpc/agents.ts'
import { blueprintMethods } from './api/grpc/blueprints.ts'
import { delegationListMethods } from './api/grpc/delegation-lists.ts'
import { delegationMethods } from './api/grpc/delegations.ts'
import { admitHuman, humanMethods } from './api/grpc/humans.ts'
import { mandateMethods } from './api/grpc/mandates.ts'
import { requestMethods } from './api/grpc/requests.ts'
import { sponsorshipMethods } from './api/grpc/sponsorship.ts'
import { svidMethods } from './api/grpc/svids.ts'
import { createApp } from './api/http/app.ts'
import { readAttesters } from './api/http/attestation.ts'
import { createAuthorizationServer } from './api/http/authorization-server.ts'
import { createLimits } from './api/http/limits.ts'
import { oauthListener } from './api/http/listener.ts'
import { createPages } from './api/http/pages/pages.ts'
import { createRefusals } from './api/http/refusals.ts'
import { readIdentityConfig } from './config.ts'
import { createActors } from './projections/actors.ts'
import { createDeadlines } from './projections/attestation-deadlines.ts'
import { createGrants } from './projections/grants.ts'
import { createPrincipals } from './projections/principals.ts'
import { createRequests } from './projections/requests.ts'
import { createRevocations } from './projections/revocations.ts'
import { createSigningKeys } from './projections/signing-keys.ts'
import { createAttestation } from './reactions/attestation.ts'
import { createExpiry } from './reactions/expiry.ts'
import { createKeyRotation } from './reactions/key-rotation.ts'
import { createMissedDeadlines } from './reactions/missed-deadlines.ts'
import { createQuickHolds } from './reactions/quick-holds.ts'
import { createSuccession } from './reactions/succession.ts'

/** How often is looked for what time has brought about. */
const SWEEP_MS = 5_000
/** How often is looked for attestation results that are over: an agent without one is held within a second. */
const DEADLINE_MS = 500

await runService('identity', readIdentityConfig, async (config, kernel, cleanup) => {
  const { bus, log, clock, egress, spiffeId, tls, roles, fail } = kernel
  const trustDomain = config.CREDENCE_TRUST_DOMAIN
  const issuer = config.CREDENCE_ISSUER
  const keyStore = await openKeys(config, { clock, log, certify: authorityCertificate(trustDomain) })
  cleanup.push(keyStore.close)
  const { keys } = keyStore
  const svids = createSvids({ keys, clock, trustDomain })

  const principals = createPrincipals()
  const revokedTokens = createRevokedTokens()
  const requests = createRequests()
  const revocations = createRevocations()
  const grants = createGrants()
  const quickHolds = createQuickHolds({ principals, clock, log })
  const signingKeys = createSigningKeys()
  const keeper = await keepModels({
    bus,
    log,
    models: {
      IDENTITY: [...principals.models, revokedTokens, signingKeys, ...requests.models, revocations],
      POLICY: [grants],
      ATTESTATION: [quickHolds.model],
    },
    snapshots: snapshotsOf('identity', config.CREDENCE_DATA_DIR, import.meta.url),
    onHalt: fail,
  })
  cleanup.push(keeper.stop)
  await keeper.caughtUp
  const { IDENTITY: own, POLICY: policy } = keeper.followers
  const followers = [own, policy]

  const writer = createWriter({ bus, follower: own, stream: 'IDENTITY', source: spiffeId })
  await keyStore.keepUp(createKeyRotation({ signingKeys, writer, clock, source: spiffeId }))
  const directory = await openDirectory({ bus, principals, writer, clock, source: spiffeId })
  const actors = createActors(principals, `spiffe://${trustDomain}`)
  const delegationTokens = createDelegationTokens({ keys, clock, issuer, actors })
  const attestation = await react(
    { bus, log, name: 'identity-activation' },
    createAttestation({ principals, writer, clock }),
  )
  cleanup.push(attestation.stop)
  quickHolds.begin(writer)
  const ruling = { principals, writer, clock, source: spiffeId }
  const expiry = repeat({ name: 'expiry', everyMs: SWEEP_MS, log }, createExpiry(ruling))
  const graceSeconds = config.CREDENCE_SPONSOR_GRACE_SECONDS
  const succession = repeat(
    { name: 'succession', everyMs: SWEEP_MS, log },
    createSuccession({ ...ruling, graceSeconds }),
  )
  principals.onHuman(succession.soon)
  cleanup.push(expiry.stop)
  const deadlines = createDeadlines({
    all: principals.agents.all,
    of: principals.agent,
    listen: principals.agentIndex.listen,
  })
  const missed = repeat(
    { name: 'missed deadlines', everyMs: DEADLINE_MS, log },
    createMissedDeadlines({ ...ruling, deadlines }),
  )
  cleanup.push(missed.stop)
  cleanup.push(succession.stop)

  const barrier = createBarrier(bus, followers)
  const replay = await openReplay(bus)
  const store = await openOAuthStore(bus)
  const refusals = createRefusals({ writer, spiffeId, clock, log })
  cleanup.push(refusals.flush)
  const bundle = ownBundle({ trustDomain, keys, caFile: tls.caFile })
  const issuers = config.CREDENCE_OIDC_ISSUERS
  const verifyBearer = createVerifyBearer({
    issuers,
    audience: config.CREDENCE_OIDC_AUDIENCE,
    claimsOf: roles.claimsOf,
    resolveHuman: async (issuer, subject) => (await directory.find(issuer, subject)) ?? '',
    egress,
  })
  const attestersFile = config.CREDENCE_CLIENT_ATTESTERS_FILE
  const oauth = {
    issuer,
    spiffeId,
    keys,
    principals,
    actors,
    grants,
    revokedTokens,
    followers,
    barrier,
    writer,
    replay,
    refusals,
    limits: createLimits(config.CREDENCE_TOKEN_RATE_PER_CLIENT),
    store,
    attesters: attestersFile ? readAttesters(attestersFile) : undefined,
    challengeSecret: await openChallengeSecret(bus),
    nonceRequired: config.CREDENCE_DPOP_NONCE === 'required',
    delegationTokens,
    accessTokens: createAccessTokens({ keys, issuer, algorithmFor: roles.algorithmFor }),
    people: { issuers, verify: async (token: string) => (await verifyBearer(`Bearer ${token}`)).id || undefined },
    tasks: connectTasks({ address: config.CREDENCE_POLICY_GRPC, trustDomain, tls, cleanup }),
    roles,
    clock,
    log,
  }
  const { engine, interactions } = createAuthorizationServer(oauth)
  const context = {
    trustDomain,
    principals,
    writer,
    followers,
    clock,
    directory,
    delegationTokens,
    keys,
    interactions,
    replay,
    barrier,
  }
  const people = await openPeople({ signInFile: config.CREDENCE_SIGN_IN_FILE, issuer, kernel })
  const pages = people && createPages({ ...context, ...people, issuer, requests, revocations })
  const app = createApp(keys, svids, pages)
  const http = await serveHttps(config.CREDENCE_HTTP_LISTEN, tls, oauthListener(engine, app, { ...oauth, bundle }), {
    clientAuthorities: () => bundle().x509Authorities.map(String),
  })
  cleanup.push(http.stop)

  await kernel.serve({
    definition: IdentityServiceService,
    name: 'credence.identity.v1.IdentityService',
    methods: {
      ...blueprintMethods(context),
      ...sponsorshipMethods(context),
      ...agentMethods(context),
      ...agentListMethods(context),
      ...agentLifeMethods(context),
      ...agentKeyMethods(context),
      ...delegationMethods(context),
      ...delegationListMethods(context),
      ...mandateMethods(context),
      ...humanMethods(context),
      ...requestMethods(context, { requests, people, issuer }),
      ...svidMethods({ ...context, barrier, svids }),
    },
    findAgent: principals.callerBySpiffeId,
    barrier,
    resolveHuman: admitHuman(context),
  })
})
