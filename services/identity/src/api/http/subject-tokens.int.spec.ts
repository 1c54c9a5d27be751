/** What may stand in for a delegation token in the exchange (RFC 8693): access tokens of ours, and of people. */
import { randomUUID } from 'node:crypto'
import { PassOnDelegationRequest } from '@credence/contracts/gen/credence/identity/v1/identity'
import { decodeJwt, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CALENDAR, detail } from '../../../../../infra/testing/facts.ts'
import type { Person } from '../../../../../infra/testing/issuer.ts'
import { CEILING, type House, openHouse, type Worker } from '../../testing/house.ts'
import { serverKeyOf } from '../../testing/server-key.ts'
import * as client from '../../testing/token-client.ts'
import { newKey, refusal, resigned, tokenClient } from '../../testing/token-client.ts'

const TYPE = 'urn:ietf:params:oauth:token-type:'
const CRM = 'https://crm.acme.example'
const CORA: Person = { subject: 'cora', name: 'Cora Example' }

let house: House
let worker: Worker
let http: ReturnType<typeof tokenClient>
let outcome: ReturnType<typeof client.outcomes>
let childOf: ReturnType<typeof client.workersOf>['childOf']
let workerWith: ReturnType<typeof client.workersOf>['workerWith']

beforeAll(async () => {
  house = await openHouse()
  http = tokenClient(house.stack.issuer, house.stack.authority.caFile)
  outcome = client.outcomes(() => house.read('IDENTITY'))
  ;({ childOf, workerWith } = client.workersOf(house))
  worker = await house.worker()
}, 120_000)
afterAll(() => house?.close(), 60_000)

type Act = { iss: string; sub: string; act?: Act }
const actors = (act: Act | undefined): string[] => (act ? [act.sub, ...actors(act.act)] : [])
const asAccess = (subject_token: string): client.Fields => ({
  subject_token,
  subject_token_type: `${TYPE}access_token`,
  grant_id: undefined,
})
const tokenOf = async (holder: client.Holder, fields: client.Fields = {}): Promise<string> => {
  const { access_token, ...answer } = await http.exchange(holder, fields)
  if (!access_token) throw new Error(JSON.stringify(answer))
  return access_token
}
const actorToken = async (holder: client.Holder): Promise<client.Fields> => {
  const { access_token } = await http.grant(holder, { grant_type: 'client_credentials' })
  return { actor_token: access_token, actor_token_type: `${TYPE}access_token` }
}
const claimsOf = (token: string) => decodeJwt<{ act: Act } & Record<string, unknown>>(token)
const withFields = (fields: client.Fields, holder: client.Holder = worker) =>
  outcome(() => http.exchange(holder, fields))
const invalidRequest = refusal('invalid_request')
const unauthorized = refusal('actor_unauthorized')

describe('an access token of this server, by its own actor (Continuation)', () => {
  it('tx-aud-not-us-accepted: actor profile, a subject token for another audience goes on, with the same chain', async () => {
    for (const holder of [worker, await childOf(worker)]) {
      const first = await tokenOf(holder)
      const next = await tokenOf(holder, asAccess(first))
      const [before, after] = [claimsOf(first), claimsOf(next)]
      for (const name of ['aud', 'sub', 'grant_id', 'task_id', 'delegation_id', 'cnf', 'authorization_details'])
        expect(after[name], name).toEqual(before[name])
      expect(JSON.stringify(after.act)).toBe(JSON.stringify(before.act))
      expect(after.jti).not.toBe(before.jti)
    }
  })

  it('tx-self-delegation-no-duplicate: actor profile, who goes on with its own token stands in the chain once', async () => {
    const first = await tokenOf(worker)
    const next = await tokenOf(worker, { ...asAccess(first), ...(await actorToken(worker)) })
    expect(actors(claimsOf(next).act)).toEqual([worker.spiffeId])
  })

  it('tx-scope-never-wider: RFC 8693 §5, what a narrow token says is the most that its successor says', async () => {
    const narrow = [detail({ actions: ['calendar.read'], resources: ['CalendarEvent::1'] })]
    const authorization_details = JSON.stringify(narrow)
    const first = await tokenOf(worker, { authorization_details })
    expect(claimsOf(await tokenOf(worker, asAccess(first))).authorization_details).toEqual(narrow)
    const wider = { ...asAccess(first), authorization_details: JSON.stringify([detail()]) }
    expect(await withFields(wider)).toEqual(refusal('invalid_authorization_details'))
    expect(await withFields({ ...asAccess(first), resource: CRM })).toEqual(refusal('invalid_target'))
    const other = await house.grant(worker.delegation)
    expect(await withFields({ ...asAccess(first), grant_id: other.grant })).toEqual(invalidRequest)
  })

  it('tx-exp-never-later: RFC 8693 §5, a successor ends with the token that it came from, if not before', async () => {
    const serverKey = await serverKeyOf(house)
    const exp = Math.floor(Date.now() / 1000) + 45
    const soon = await resigned(await tokenOf(worker), { claims: { exp } }, serverKey.privateKey)
    expect(claimsOf(await tokenOf(worker, asAccess(soon))).exp).toBeLessThanOrEqual(exp)
    const past = await resigned(soon, { claims: { exp: exp - 60 } }, serverKey.privateKey)
    expect(await withFields(asAccess(past))).toEqual(invalidRequest)
  })

  it('tx-subject-bound-needs-proof: actor profile, a token that is bound to a key needs a proof by that key', async () => {
    const serverKey = await serverKeyOf(house)
    const { thumbprint } = await newKey()
    const claims = { cnf: { jkt: thumbprint } }
    const ofOtherKey = await resigned(await tokenOf(worker), { claims }, serverKey.privateKey)
    const answer = await withFields(asAccess(ofOtherKey))
    expect(answer).toMatchObject({ status: 400, issued: 0 })
    expect(['invalid_dpop_proof', 'invalid_request']).toContain(answer.error)
    // A delegation token may be bound as well: then whose it is does not suffice.
    const bound = await resigned(worker.delegationToken, { claims }, serverKey.privateKey)
    expect(await withFields({ subject_token: bound })).toEqual(refusal('invalid_dpop_proof'))
    const mine = { cnf: { jkt: worker.key.thumbprint } }
    const good = await resigned(worker.delegationToken, { claims: mine }, serverKey.privateKey)
    expect(await withFields({ subject_token: good })).toMatchObject({ status: 200, issued: 1 })
  })

  it('tx-delegated-subject-never-yields-undelegated: kc#52691, no form of request turns it into a plain token', async () => {
    const first = await tokenOf(worker)
    const actor = await actorToken(worker)
    for (const fields of [
      {},
      actor,
      { requested_token_type: `${TYPE}access_token` },
      { delegation_id: worker.delegation.id },
    ])
      expect(actors(claimsOf(await tokenOf(worker, { ...asAccess(first), ...fields })).act)).toEqual([worker.spiffeId])
    const { actor_token = '' } = actor
    expect(await withFields(asAccess(String(actor_token)))).toEqual(invalidRequest)
    for (const fields of [
      { requested_token_type: `${TYPE}jwt` },
      { actor_token },
      { subject_token_type: `${TYPE}jwt` },
    ])
      expect(await withFields({ ...asAccess(first), ...fields }), JSON.stringify(fields)).toEqual(invalidRequest)
  })

  it('tx-chain-tampered: RFC 8693 §4.1, an access token whose chain is not that of its delegation is refused', async () => {
    const serverKey = await serverKeyOf(house)
    const child = await childOf(worker)
    const first = await tokenOf(child)
    const { act } = claimsOf(first)
    for (const part of [
      { act: { ...act, act: undefined } },
      { act: undefined },
      { act: act.act },
      { sub: randomUUID() },
    ]) {
      const subject = await resigned(first, { claims: part }, serverKey.privateKey)
      expect(await withFields(asAccess(subject), child), JSON.stringify(part)).toMatchObject({ status: 400, issued: 0 })
    }
  })

  it('exchange with what has ended: RFC 8693 §2.2.2, a token whose grant has ended gives nothing more, though it has not expired', async () => {
    const { grant, task } = await house.grant(worker.delegation)
    const first = await tokenOf(worker, { grant_id: grant })
    await house.endGrant(grant, task)
    expect(await withFields(asAccess(first))).toEqual(invalidRequest)
  })
})

describe('an access token of this server, by another agent (Rebind)', () => {
  it('tx-rebind-binds-new-key: actor profile, who holds a delegation from its actor takes it up, nested and bound anew', async () => {
    const child = await childOf(worker)
    const first = await tokenOf(worker)
    const rebound = await tokenOf(child, {
      ...asAccess(first),
      ...(await actorToken(child)),
      grant_id: child.grant,
    })
    const claims = claimsOf(rebound)
    expect(JSON.stringify(claims.act.act)).toBe(JSON.stringify(claimsOf(first).act))
    expect(claims).toMatchObject({
      act: { sub: child.spiffeId },
      cnf: { jkt: child.key.thumbprint },
      sub: worker.delegation.human,
      delegation_id: child.delegation.id,
    })
  })

  it('tx-rebind-needs-delegation: actor profile, authority moves by delegations only, and the taker says who it is', async () => {
    const [child, stranger] = [await childOf(worker), await house.worker()]
    const first = await tokenOf(worker)
    const actor = await actorToken(child)
    const grant_id = child.grant
    expect(await withFields({ ...asAccess(first), grant_id }, child)).toEqual(unauthorized)
    const taken = { ...asAccess(first), ...(await actorToken(stranger)), grant_id: stranger.grant }
    expect(await withFields(taken, stranger)).toEqual(unauthorized)
    // The child's token is not the parent's: nothing goes upwards.
    const upwards = { ...asAccess(await tokenOf(child)), ...(await actorToken(worker)), grant_id: worker.grant }
    expect(await withFields(upwards)).toEqual(unauthorized)
    await house.cora.revokeDelegation({ delegationId: child.delegation.id, reason: 'Enough' })
    expect(await withFields({ ...asAccess(first), ...actor, grant_id }, child)).toEqual(unauthorized)
  })

  it('tx-client-not-in-audience-rejected: GHSA-75p6-52g3-rqc8, who is neither its actor nor holds from it exchanges no token', async () => {
    const stranger = await house.worker()
    const child = await childOf(worker)
    for (const token of [await tokenOf(worker), await tokenOf(child)])
      for (const fields of [{}, await actorToken(stranger), { delegation_id: stranger.delegation.id }]) {
        const taken = { ...asAccess(token), grant_id: stranger.grant, ...fields }
        const answer = await withFields(taken, stranger)
        expect(answer, JSON.stringify(Object.keys(fields))).toEqual(unauthorized)
      }
  })

  it('tx-rebind-ambiguous: RFC 8693 §2.2.2, with several delegations the request names one, by delegation_id', async () => {
    const child = await childOf(worker)
    const part = { authorizationDetails: [detail()], purpose: 'Help', lifetimeSeconds: 600n, maximumDepth: 0 }
    const { delegation } = await worker.client.passOnDelegation(
      PassOnDelegationRequest.create({ ...part, delegationId: worker.delegation.id, agentId: child.agentId }),
    )
    if (!delegation) throw new Error('no delegation')
    const { grant } = await house.grant(delegation)
    const fields = { ...asAccess(await tokenOf(worker)), ...(await actorToken(child)), grant_id: grant }
    const answer = await http.exchange(child, fields)
    expect(answer).toMatchObject({ status: 400, error: 'invalid_request' })
    expect(answer.error_description).toContain('delegation_id')
    const again = { ...fields, ...(await actorToken(child)), delegation_id: delegation.id }
    expect(claimsOf(await tokenOf(child, again)).delegation_id).toBe(delegation.id)
  })
})

describe('a person’s own access token', () => {
  /** An agent to which only Cora has delegated, once. */
  let mine: Worker
  beforeAll(async () => {
    mine = await house.worker()
  })
  const tokenFor = (who = CORA, bent: Parameters<House['tokenFor']>[1] = {}) => house.tokenFor(who, bent)
  const asPerson = async (token: string | Promise<string>): Promise<client.Fields> => ({
    ...asAccess(await token),
    grant_id: mine.grant,
  })
  const withPerson = async (token: string | Promise<string>, fields: client.Fields = {}) =>
    withFields({ ...(await asPerson(token)), ...fields }, mine)

  it('tx-person-token: RFC 8693 §2.1 and RFC 9068 §4, the person is the subject, their delegation the authority', async () => {
    const claims = claimsOf(await tokenOf(mine, await asPerson(tokenFor())))
    expect(claims).toMatchObject({
      sub: mine.delegation.human,
      sub_profile: 'user',
      act: { iss: `spiffe://${house.stack.trustDomain}`, sub: mine.spiffeId },
      delegation_id: mine.delegation.id,
      aud: CALENDAR,
      cnf: { jkt: mine.key.thumbprint },
    })
    expect(await withPerson(tokenFor(), { delegation_id: mine.delegation.id })).toMatchObject({
      status: 200,
      issued: 1,
    })
    const application = tokenFor(CORA, { header: { typ: 'application/at+jwt' } })
    expect(await withPerson(application)).toMatchObject({ status: 200, issued: 1 })
  })

  it('tx-id-token-as-access-token: RFC 9068 §2.1, an ID token or any other JWT of the provider is no access token', async () => {
    for (const typ of ['JWT', undefined, 'id_token+jwt', 'logout+jwt', 'dpop+jwt']) {
      const token = await tokenFor(CORA, { header: { ...(typ ? { typ } : { typ: undefined as never }) } })
      for (const kind of ['access_token', 'id_token', 'jwt'])
        expect(await withPerson(token, { subject_token_type: TYPE + kind }), `${typ} ${kind}`).toEqual(invalidRequest)
    }
    expect(await withPerson(tokenFor(), { subject_token_type: `${TYPE}jwt` })).toEqual(invalidRequest)
  })

  it('tx-foreign-issuer-rejected: RFC 9068 §4, another issuer, audience, signer or time is refused', async () => {
    const { privateKey } = await newKey()
    const past = new Date(Date.now() - 60_000)
    const bad = [
      tokenFor(CORA, { claims: { iss: 'https://evil.example' } }),
      tokenFor(CORA, { claims: { iss: house.stack.issuer } }),
      tokenFor(CORA, { claims: { aud: CALENDAR } }),
      tokenFor(CORA, { exp: past }),
      resigned(await tokenFor(), {}, privateKey),
    ]
    for (const token of await Promise.all(bad)) expect(await withPerson(token)).toEqual(invalidRequest)
  })

  it('tx-delegate-role-cannot-impersonate: kc#51305, no person, group or role gives a token without a delegation', async () => {
    const before = (await house.read('IDENTITY')).filter(({ subject }) => subject.startsWith('human/')).length
    for (const who of [
      { subject: 'nobody', name: 'Nobody', groups: ['credence-security', 'credence-sponsors'] },
      { subject: 'sofia', name: 'Sofia', groups: ['credence-security'] },
    ])
      expect(await withPerson(tokenFor(who))).toEqual(unauthorized)
    // Nobody was written down for having been named.
    expect((await house.read('IDENTITY')).filter(({ subject }) => subject.startsWith('human/'))).toHaveLength(before)
    const other = await house.worker()
    expect(await withPerson(tokenFor(), { delegation_id: other.delegation.id })).toEqual(unauthorized)
    expect(await withPerson(tokenFor(), { delegation_id: 'dlg_x' })).toEqual(invalidRequest)
  })

  it('tx-subject-from-third-party-capped-by-its-scope: what the person’s token lets its client do adds nothing', async () => {
    for (const scope of ['openid', 'admin calendar.* crm.*', '']) {
      const authorization_details = [detail({ actions: ['crm.*'] })]
      const token = await tokenFor(CORA, { claims: { scope, authorization_details } })
      const claims = claimsOf(await tokenOf(mine, await asPerson(token)))
      expect(claims.authorization_details).toEqual([CEILING[0]])
      expect(claims).not.toHaveProperty('scope')
    }
  })

  it('tx-exp-never-later: RFC 8693 §5, the token ends with that of the person', async () => {
    const exp = new Date(Date.now() + 40_000)
    const claims = claimsOf(await tokenOf(mine, await asPerson(tokenFor(CORA, { exp }))))
    expect(claims.exp).toBeLessThanOrEqual(exp.getTime() / 1000)
  })

  it('tx-may-act-mismatch: RFC 8693 §4.4, a may_act in it names this agent, or nothing is given', async () => {
    const iss = `spiffe://${house.stack.trustDomain}`
    const naming = (may_act: unknown) => withPerson(tokenFor(CORA, { claims: { may_act } }))
    expect(await naming({ iss, sub: mine.spiffeId })).toMatchObject({ status: 200, issued: 1 })
    for (const may_act of [
      { iss, sub: worker.spiffeId },
      { sub: mine.spiffeId },
      {},
      'x',
      null,
      { iss: house.stack.idpIssuer, sub: mine.spiffeId },
    ])
      expect(await naming(may_act), JSON.stringify(may_act)).toEqual(unauthorized)
  })

  it('tx-foreign-chain-never-dropped: actor profile, a token with actors of another server is refused, not made plain', async () => {
    const act = { iss: 'https://idp.example', sub: 'assistant' }
    expect(await withPerson(tokenFor(CORA, { claims: { act } }))).toEqual(invalidRequest)
  })

  it('tx-person-bound-needs-actor: actor profile, a token that is bound to the person’s client needs an actor_token', async () => {
    const cnf = { jkt: (await newKey()).thumbprint }
    const token = await tokenFor(CORA, { claims: { cnf } })
    expect(await withPerson(token)).toEqual(refusal('invalid_dpop_proof'))
    expect(await withPerson(token, await actorToken(mine))).toMatchObject({ status: 200, issued: 1 })
  })

  it('tx-person-ambiguous: RFC 8693 §2.2.2, with several delegations the request names one, by delegation_id', async () => {
    const holder = await workerWith({})
    const { delegation, delegationToken } = await house.delegate(holder.agentId)
    if (!delegation) throw new Error('no delegation')
    const { grant } = await house.grant(delegation)
    const fields = { ...asAccess(await tokenFor()), grant_id: grant }
    const answer = await http.exchange(holder, fields)
    expect(answer).toMatchObject({ status: 400, error: 'invalid_request' })
    expect(answer.error_description).toContain('delegation_id')
    expect(claimsOf(await tokenOf(holder, { ...fields, delegation_id: delegation.id })).delegation_id).toBe(
      delegation.id,
    )
    // A delegation token leaves nothing open.
    const other = { subject_token: delegationToken, grant_id: grant, delegation_id: holder.delegation.id }
    expect(await withFields(other, holder)).toEqual(invalidRequest)
    await house.cora.revokeDelegation({ delegationId: holder.delegation.id, reason: 'One is enough' })
    expect(claimsOf(await tokenOf(holder, fields)).delegation_id).toBe(delegation.id)
  })

  it('tx-person-only-directly: what was passed on is used by its own token, not by the person’s', async () => {
    const child = await childOf(mine)
    const fields = { ...asAccess(await tokenFor()), grant_id: child.grant }
    expect(await withFields(fields, child)).toEqual(unauthorized)
  })
})

describe('an actor token', () => {
  const withActor = (actor_token: string, kind = 'jwt', holder: client.Holder = worker) =>
    withFields({ actor_token, actor_token_type: TYPE + kind }, holder)
  const good = { status: 200, issued: 1 }

  it('tx-actor-token-of-the-client: RFC 8693 §2.1, says who the client is: by client_credentials, or by its own key', async () => {
    const { actor_token } = await actorToken(worker)
    expect(await withActor(String(actor_token), 'access_token')).toMatchObject(good)
    expect(await withActor(await http.assertion(worker))).toMatchObject(good)
    const claims = claimsOf(await tokenOf(worker, await actorToken(worker)))
    expect(actors(claims.act)).toEqual([worker.spiffeId])
  })

  it('tx-actor-token-type-missing: RFC 8693 §2.1, the token and its type come together, and the type is one we know', async () => {
    const actor = await actorToken(worker)
    expect(await withFields({ ...actor, actor_token_type: undefined })).toEqual(invalidRequest)
    expect(await withFields({ ...actor, actor_token: undefined })).toEqual(invalidRequest)
    for (const kind of ['id_token', 'refresh_token', 'saml2', 'jwt', ''])
      expect(await withFields({ ...actor, actor_token_type: TYPE + kind }), kind).toEqual(invalidRequest)
  })

  it('tx-actor-token-with-act-rejected: actor profile, an actor token that carries act is refused, whoever signed it', async () => {
    expect(await withActor(await tokenOf(worker), 'access_token')).toEqual(invalidRequest)
    const act = { iss: `spiffe://${house.stack.trustDomain}`, sub: worker.spiffeId }
    expect(await withActor(await http.assertion(worker, { claims: { act } }))).toEqual(invalidRequest)
    const serverKey = await serverKeyOf(house)
    const { actor_token } = await actorToken(worker)
    const told = await resigned(String(actor_token), { claims: { act } }, serverKey.privateKey)
    expect(await withActor(told, 'access_token')).toEqual(invalidRequest)
  })

  it('tx-idjag-as-actor-token-rejected: actor profile, a grant for another server, or any other JWT, is no actor token', async () => {
    for (const typ of ['oauth-id-jag+jwt', 'dpop+jwt', 'agent-proof+jwt', 'delegation+jwt', 'txntoken+jwt', 'evil'])
      for (const kind of ['jwt', 'access_token', 'id-jag'])
        expect(await withActor(await http.assertion(worker, { header: { typ } }), kind), typ).toEqual(invalidRequest)
    for (const token of [worker.delegationToken, await house.tokenFor(CORA), 'x', 'a.b.c'])
      for (const kind of ['jwt', 'access_token'])
        expect(await withActor(token, kind)).toMatchObject({ status: 400, issued: 0 })
  })

  it('tx-actor-token-of-another: RFC 8693 §2.2.2, of another agent, for another audience, by another key, or over: refused', async () => {
    const other = await house.worker()
    const { actor_token } = await actorToken(other)
    expect(await withActor(String(actor_token), 'access_token')).toEqual(unauthorized)
    expect(await withActor(await http.assertion(other))).toEqual(unauthorized)
    const bad: client.AssertionParts[] = [
      { aud: 'https://evil.example' },
      { aud: [house.stack.issuer, 'https://evil.example'] },
      { aud: `${house.stack.issuer}/token` },
      { signer: other.key.privateKey },
      { exp: '-60s' },
      { claims: { iss: 'https://evil.example' } },
    ]
    for (const parts of bad)
      expect(await withActor(await http.assertion(worker, parts)), JSON.stringify(parts)).toEqual(invalidRequest)
    const long = { iat: Math.floor(Date.now() / 1000) - 3_600 }
    const old = await resigned(await http.assertion(worker), { claims: long }, worker.key.privateKey)
    expect(await withActor(old)).toEqual(invalidRequest)
    const unsigned = client.unsecured({}, decodeJwt(await http.assertion(worker)))
    expect(await withActor(unsigned)).toEqual(invalidRequest)
  })

  it('tx-actor-disabled-stops-reexchange: an actor token says nothing for an agent that is held', async () => {
    const held = await house.worker()
    const actor = await actorToken(held)
    await house.happen(`agent/${held.agentId}`, {
      type: 'credence.identity.agent.suspended.v1',
      data: { agent: held.agentId, cause: 'operator', reason: 'Looks odd' },
    })
    const answer = await withFields({ ...actor }, held)
    expect(answer).toMatchObject({ issued: 0 })
    expect(['invalid_client', 'actor_unauthorized']).toContain(answer.error)
  })

  it('tx-actor-token-svid: SPIFFE JWT-SVID §3, one of ours for this server names the client; for others, or of others, not', async () => {
    const serverKey = await serverKeyOf(house, 'jwt-svid.ES256.000001')
    const svid = (claims: object, header: object = {}, signer = serverKey.privateKey) =>
      new SignJWT({ sub: worker.spiffeId, aud: house.stack.issuer, ...claims })
        .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid: serverKey.keyId, ...header })
        .setExpirationTime('2m')
        .sign(signer)
    expect(await withActor(await svid({}))).toMatchObject(good)
    expect(await withActor(await svid({ aud: [house.stack.issuer] }))).toMatchObject(good)
    for (const aud of [CALENDAR, [house.stack.issuer, CALENDAR], []])
      expect(await withActor(await svid({ aud }))).toEqual(invalidRequest)
    const other = await house.worker()
    expect(await withActor(await svid({ sub: other.spiffeId }))).toEqual(unauthorized)
    const tokenKey = await serverKeyOf(house)
    expect(await withActor(await svid({}, { kid: tokenKey.keyId }, tokenKey.privateKey))).toEqual(invalidRequest)
    expect(await withActor(await svid({}, {}, (await newKey()).privateKey as never))).toEqual(invalidRequest)
  })
})
