/** Every method of the service, and who may call it: whoever is not named is refused, and nothing has changed. */
import {
  IdentityServiceClient,
  IdentityServiceService,
  RegisterAgentsRequest,
  WatchAgentsRequest,
} from '@credence/contracts/gen/credence/identity/v1/identity'
import { promised } from '@credence/shared/rpc/client'
import { fromStatus } from '@credence/shared/rpc/status'
import { clientCredentials } from '@credence/shared/rpc/tls'
import { type Metadata, Metadata as Sent } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  BLUEPRINT,
  CEILING,
  described,
  type House,
  type Identity,
  openHouse,
  type Worker,
} from '../../testing/house.ts'
import { type Lives, livesOf, registration } from '../../testing/lives.ts'
import { newKey, workersOf } from '../../testing/token-client.ts'

let house: House
let lives: Lives
let worker: Worker
let child: Worker
let mandateId: string
let human: string
let callers: Record<string, Identity>
beforeAll(async () => {
  house = await openHouse()
  lives = await livesOf(house)
  worker = await house.worker()
  child = await workersOf(house).childOf(worker)
  human = await lives.place('somebody')
  const details = { authorizationDetails: CEILING as never, purpose: 'x', lifetimeSeconds: 600n, maximumDepth: 0 }
  mandateId = (await house.sponsor.grantMandate({ blueprint: BLUEPRINT, ...details })).mandate?.id ?? ''
  callers = {
    platform: house.platform,
    service: await house.workload('service/policy'),
    'enforcement-point': await house.workload('enforcement-point/calendar'),
    'workload without a role': await house.workload('elsewhere/x'),
    sponsor: house.sponsor,
    'another sponsor': await house.person({ subject: 'sam', name: 'Sam', groups: ['credence-sponsors'] }),
    security: house.security,
    auditor: await house.person({ subject: 'aud', name: 'Aud', groups: ['credence-auditors'] }),
    grantor: house.cora,
    human: await house.person({ subject: 'joe', name: 'Joe' }),
    agent: worker.client,
    'another agent': (await house.worker()).client,
  }
})
afterAll(async () => {
  lives?.close()
  await house?.close()
})

const because = { reason: 'test' }
const filter = undefined
const page = { pageSize: 1, pageToken: '' }
const ask = (delegationId: string) => ({ delegationId, notBefore: [] })
const part = {
  authorizationDetails: CEILING as never,
  purpose: 'x',
  lifetimeSeconds: 60n,
  maximumDepth: 0,
  narrow: true,
}

type Row = { call: (by: Identity) => Promise<unknown>; may: string[] }
const anySponsor = ['sponsor', 'another sponsor']
const humans = [...anySponsor, 'security', 'auditor', 'grantor', 'human']
const agents = ['agent', 'another agent']

/** In the order of the proto. Calls that are let through may fail for another reason; who is let through is the matter here. */
const rows = (): Record<string, Row> => {
  const { agentId, delegation, key } = worker
  const about = { agentId, ...because }
  const named = { name: BLUEPRINT, ...because }
  const blueprint = {
    name: 'nothing-new',
    purpose: 'x',
    sponsor: '',
    owner: '',
    ceiling: CEILING as never,
    allowedModels: [{ provider: 'acme', name: 'small' }],
    maximumLifetimeSeconds: 60n,
    maximumSpawnDepth: 0,
    childrenSurvive: false,
    successorGroup: '',
    redirectUris: [],
  }
  const taken = JSON.stringify(key.publicJwk)
  const of = { $case: 'agentId' as const, value: agentId }
  const person = { issuer: house.stack.idpIssuer, subject: 'somebody' }
  return {
    createBlueprint: { call: (by) => by.createBlueprint(blueprint), may: ['platform', ...anySponsor] },
    getBlueprint: {
      call: (by) => by.getBlueprint({ name: BLUEPRINT }),
      may: ['platform', 'service', ...anySponsor, 'security', 'auditor'],
    },
    listBlueprints: {
      call: (by) => by.listBlueprints(page),
      may: ['platform', ...anySponsor, 'security', 'auditor'],
    },
    proposeSponsor: {
      call: (by) => by.proposeSponsor({ name: BLUEPRINT, sponsor: human }),
      may: ['sponsor', 'security'],
    },
    // It is for the one who was asked, who is none of these; the sponsor may repeat it.
    acceptSponsorship: { call: (by) => by.acceptSponsorship({ name: BLUEPRINT }), may: ['sponsor'] },
    changeOwner: { call: (by) => by.changeOwner({ of, owner: human, ...because }), may: ['sponsor', 'security'] },
    withdrawBlueprint: { call: (by) => by.withdrawBlueprint(named), may: ['sponsor', 'security'] },
    restoreBlueprint: { call: (by) => by.restoreBlueprint(named), may: ['sponsor', 'security'] },
    registerAgent: {
      call: (by) => by.registerAgent(registration(key, { publicJwk: taken })),
      may: ['platform'],
    },
    spawnAgent: { call: (by) => by.spawnAgent({ ...described(key), publicJwk: taken }), may: agents },
    getAgent: {
      call: (by) => by.getAgent({ agentId, notBefore: [] }),
      may: ['platform', 'service', ...anySponsor, 'security', 'auditor', 'agent'],
    },
    listAgents: {
      call: (by) => by.listAgents({ filter, ...page, notBefore: [] }),
      may: ['platform', ...anySponsor, 'security', 'auditor'],
    },
    suspendAgent: { call: (by) => by.suspendAgent(about), may: ['platform', 'sponsor', 'security'] },
    quarantineAgent: { call: (by) => by.quarantineAgent(about), may: ['security'] },
    restoreAgent: { call: (by) => by.restoreAgent(about), may: ['sponsor', 'security'] },
    renewAgent: { call: (by) => by.renewAgent({ agentId, lifetimeSeconds: 60n }), may: ['platform', 'agent'] },
    rotateKey: { call: (by) => by.rotateKey({ publicJwk: taken, proof: 'x', overlapSeconds: 0n }), may: agents },
    withdrawKey: {
      call: (by) => by.withdrawKey({ ...about, keyThumbprint: 'x'.repeat(43) }),
      may: ['platform', 'security', 'agent'],
    },
    grantDelegation: { call: (by) => by.grantDelegation({ agentId, ...part, notBefore: [] }), may: humans },
    passOnDelegation: {
      call: (by) => by.passOnDelegation({ delegationId: delegation.id, agentId: child.agentId, ...part }),
      may: ['agent'],
    },
    getDelegation: {
      call: (by) => by.getDelegation(ask(delegation.id)),
      may: ['service', 'security', 'auditor', 'grantor', 'agent'],
    },
    listDelegations: {
      call: (by) => by.listDelegations({ humanId: '', agentId: '', liveOnly: false, ...page }),
      may: humans,
    },
    listDelegationsOfOthers: {
      call: (by) => by.listDelegations({ humanId: human, agentId: '', liveOnly: false, ...page }),
      may: ['security', 'auditor'],
    },
    grantMandate: {
      call: (by) => by.grantMandate({ blueprint: BLUEPRINT, ...part }),
      may: ['sponsor'],
    },
    drawMandate: { call: (by) => by.drawMandate({ mandateId, notBefore: [] }), may: agents },
    resolveHuman: { call: (by) => by.resolveHuman({ ...person, displayName: '' }), may: ['service'] },
    describeHuman: { call: (by) => by.describeHuman({ humanId: human }), may: ['service', 'security', 'auditor'] },
    placeHuman: {
      call: (by) => by.placeHuman({ ...person, displayName: '', managerSubject: '', groups: [] }),
      may: ['platform'],
    },
    deactivateHuman: {
      call: (by) => by.deactivateHuman({ humanId: human, ...because }),
      may: ['platform', 'security'],
    },
    reactivateHuman: {
      call: (by) => by.reactivateHuman({ humanId: human, ...because }),
      may: ['platform', 'security'],
    },
    forgetHuman: { call: (by) => by.forgetHuman({ humanId: human }), may: ['platform'] },
    // What ends things comes last.
    revokeDelegation: {
      call: (by) => by.revokeDelegation({ delegationId: delegation.id, ...because }),
      may: ['security', 'grantor', 'agent'],
    },
    revokeMandate: { call: (by) => by.revokeMandate({ mandateId, ...because }), may: ['sponsor', 'security'] },
    retireAgent: { call: (by) => by.retireAgent(about), may: ['platform', 'sponsor', 'agent'] },
    revokeAgent: { call: (by) => by.revokeAgent(about), may: ['sponsor', 'security'] },
  }
}
/** Others' matters, with tests of their own; and the two streams, below. */
const ELSEWHERE = ['issueX509Svid', 'issueJwtSvid', 'getTrustBundle', 'requestDelegation', 'awaitDelegation']
const STREAMS = ['registerAgents', 'watchAgents']

const outcome = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'through',
    ({ status }) =>
      ({ permission_denied: 'denied', unauthenticated: 'unauthenticated' })[status as string] ?? 'through',
  )

describe('who may call what', () => {
  it('is told here of every method that there is', () => {
    const told = new Set([...Object.keys(rows()), ...ELSEWHERE, ...STREAMS])
    told.delete('listDelegationsOfOthers')
    expect([...told].sort()).toEqual(Object.keys(IdentityServiceService).sort())
  })

  it('whoever is not named is refused, without an event; whoever is named gets through', {
    timeout: 120_000,
  }, async () => {
    const table = Object.entries(rows())
    // Somebody who calls for the first time is recognised, whatever they want.
    const written = async () =>
      (await house.read('IDENTITY'))
        .flatMap((commit) => commit.facts)
        .filter(({ type }) => !/human.recognised/.test(type))
    const before = await written()
    const wrong: string[] = []
    for (const [method, { call, may }] of table)
      for (const [name, by] of Object.entries(callers)) {
        if (may.includes(name)) continue
        const came = await outcome(call(by))
        if (came !== 'denied') wrong.push(`${method} by ${name}: ${came}`)
      }
    expect(wrong).toEqual([])
    expect(await written()).toEqual(before)

    for (const [method, { call, may }] of table)
      for (const name of may) {
        const came = await outcome(call(callers[name] as Identity))
        if (came !== 'through') wrong.push(`${method} by ${name}: ${came}`)
      }
    expect(wrong).toEqual([])
  })

  it('nobody gets through who does not say who they are', async () => {
    const audience = `spiffe://${house.stack.trustDomain}/service/identity`
    const credentials = clientCredentials(house.stack.authority.caFile, audience)
    const nobody = house.connect(`127.0.0.1:${house.stack.ports.identityPublic}`, credentials)
    for (const [method, { call }] of Object.entries(rows()))
      expect(await outcome(call(nobody)), method).toBe('unauthenticated')
  })

  it('streams are for those who are named as well', async () => {
    const audience = `spiffe://${house.stack.trustDomain}/service/identity`
    const one = { key: 'x', registration: registration(await newKey()) }
    const open = async (path: string, metadata: Metadata = new Sent()) => {
      const tls = await house.stack.workload(path)
      const address = `127.0.0.1:${house.stack.ports.identityMesh}`
      const client = new IdentityServiceClient(address, clientCredentials(tls.caFile, audience, tls))
      const registering = client.registerAgents(metadata)
      registering.end(RegisterAgentsRequest.create(one))
      const watching = client.watchAgents(WatchAgentsRequest.create(), metadata)
      const first = (call: typeof registering | typeof watching) =>
        new Promise<string>((resolve) => {
          call.on('error', (error) => resolve(fromStatus(error as never).reason))
          call.on('data', () => resolve('through'))
        })
      const came = [await first(registering), await first(watching)]
      watching.cancel()
      promised(client, IdentityServiceService).close()
      return came
    }
    expect(await open('service/policy')).toEqual(['role_missing', 'role_missing'])
    expect(await open('enforcement-point/calendar')).toEqual(['role_missing', 'role_missing'])
    const wrong = new Sent()
    wrong.set('authorization', 'Bearer x')
    expect(await open('platform/workplace', wrong)).toEqual(['invalid_token', 'invalid_token'])
    expect(await open('platform/workplace')).toEqual(['through', 'through'])
  })
})
