/** The token exchange (RFC 8693) with the actor profile: who may get a token, for whom, for what, until when. */
import { CreateBlueprintRequest } from '@credence/contracts/gen/credence/identity/v1/identity'
import { newId } from '@credence/shared/ids'
import type { SigningKey } from '@credence/shared/keys'
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as facts from '../../../../../infra/testing/facts.ts'
import { CALENDAR } from '../../../../../infra/testing/facts.ts'
import { BLUEPRINT, type House, openHouse, type Worker } from '../../testing/house.ts'
import { serverKeyOf } from '../../testing/server-key.ts'
import { webClient } from '../../testing/standard-client.ts'
import * as client from '../../testing/token-client.ts'
import { newKey, refusal, resigned, tokenClient, tokensIssued } from '../../testing/token-client.ts'

const TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:'
const CRM = 'https://crm.acme.example'

let house: House
let worker: Worker
let http: ReturnType<typeof tokenClient>
let outcome: ReturnType<typeof client.outcomes>
let workerWith: ReturnType<typeof client.workersOf>['workerWith']
let childOf: ReturnType<typeof client.workersOf>['childOf']
let serverKey: SigningKey

beforeAll(async () => {
  house = await openHouse()
  http = tokenClient(house.stack.issuer, house.stack.authority.caFile)
  outcome = client.outcomes(() => house.read('IDENTITY'))
  ;({ workerWith, childOf } = client.workersOf(house))
  worker = await house.worker()
  serverKey = await serverKeyOf(house)
}, 120_000)
afterAll(() => house?.close(), 60_000)

/** What a good exchange gives. */
async function claimsFor(holder: client.Holder, fields: client.Fields = {}): Promise<JWTPayload & { act?: Act }> {
  const answer = await http.exchange(holder, fields)
  expect(answer, JSON.stringify(answer)).toMatchObject({ status: 200, token_type: 'DPoP' })
  return decodeJwt(answer.access_token ?? '')
}
type Act = { iss: string; sub: string; sub_profile?: string; act?: Act }
const actors = (act: Act | undefined): Act[] => (act ? [act, ...actors(act.act)] : [])
const withFields = (fields: client.Fields, holder: client.Holder = worker) =>
  outcome(() => http.exchange(holder, fields))
const withSubject = (subject_token: string) => withFields({ subject_token })
/** The worker’s delegation token, bent and signed by the server’s own key. */
const bent = (part: client.Bent) => resigned(worker.delegationToken, part, serverKey.privateKey)
/** With another header, and the signature that was there. */
const withHeader = (token: string, part: object): string => {
  const [header = '', ...rest] = token.split('.')
  const told = { ...JSON.parse(Buffer.from(header, 'base64url').toString()), ...part }
  return [Buffer.from(JSON.stringify(told)).toString('base64url'), ...rest].join('.')
}
const invalidRequest = refusal('invalid_request')

describe('a token for a delegation', () => {
  it('tx-basic-delegated: RFC 8693 §2.2.1, RFC 8707 §2.2 and RFC 9068 §2.2, subject, actor, key and audience are in the token', async () => {
    const answer = await http.exchange(worker)
    const type = `${TOKEN_TYPE}access_token`
    expect(answer).toMatchObject({ status: 200, token_type: 'DPoP', issued_token_type: type })
    const served = await http.raw({ method: 'GET', path: '/jwks' })
    const keys = createLocalJWKSet(JSON.parse(served.text))
    const wanted = { issuer: house.stack.issuer, audience: CALENDAR, typ: 'at+jwt', algorithms: ['ES256'] }
    const { payload } = await jwtVerify(answer.access_token ?? '', keys, wanted)
    const iss = `spiffe://${house.stack.trustDomain}`
    expect(payload).toMatchObject({
      sub: worker.delegation.human,
      sub_profile: 'user',
      aud: CALENDAR,
      client_id: worker.spiffeId,
      client_profile: 'service ai_agent',
      act: { iss, sub: worker.spiffeId, sub_profile: 'ai_agent' },
      grant_id: worker.grant,
      task_id: worker.task,
      delegation_id: worker.delegation.id,
      cnf: { jkt: worker.key.thumbprint },
      jti: expect.any(String),
      iat: expect.any(Number),
    })
    expect(answer).toMatchObject({ grant_id: worker.grant, task_id: worker.task })
    expect(payload).not.toHaveProperty('scope')
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBeLessThanOrEqual(600)
    // The control of what follows: the same subject token, signed again by the server’s key, is good.
    expect(await withSubject(await bent({}))).toMatchObject({ status: 200, issued: 1 })
  })

  it('tx-validates-at-resource: RFC 9068 §4 and RFC 9449 §7.1 by oauth4webapi, at its resource and at no other, signed as that one can verify', async () => {
    const standard = await webClient(house, worker)
    for (const [resource, algorithm, other] of [
      [CALENDAR, 'ES256', CRM],
      [CRM, 'RS256', CALENDAR],
    ] as const) {
      const { access_token = '' } = await http.exchange(worker, { resource })
      const claims = await standard.validate(access_token, resource, worker, algorithm)
      expect(claims).toMatchObject({ aud: resource, act: { sub: worker.spiffeId } })
      expect(decodeProtectedHeader(access_token)).toMatchObject({ alg: algorithm, typ: 'at+jwt' })
      await expect(standard.validate(access_token, other, worker, algorithm)).rejects.toThrow()
      await expect(standard.validate(access_token, resource, await house.worker(), algorithm)).rejects.toThrow()
      await expect(standard.validate(worker.delegationToken, resource, worker, algorithm)).rejects.toThrow()
      // Whatever it is signed with, it is a token of this server.
      expect(await standard.introspect(access_token)).toMatchObject({ active: true, aud: resource })
      const onward = {
        subject_token: access_token,
        subject_token_type: `${TOKEN_TYPE}access_token`,
        grant_id: undefined,
      }
      expect((await http.exchange(worker, { ...onward, resource })).status).toBe(200)
    }
    await standard.close()
  })

  it('tx-audit-written-before-answer: actor profile, when an answer arrives its token is on record', async () => {
    const recorded = async () => {
      const { jti } = await claimsFor(worker)
      const facts = tokensIssued(await house.read('IDENTITY')).map(({ data }) => data)
      return facts.find((data) => 'token' in data && data.token === jti)
    }
    const about = { agent: worker.agentId, grant: worker.grant, audience: CALENDAR }
    for (const fact of await Promise.all(Array.from({ length: 8 }, recorded))) expect(fact).toMatchObject(about)
  })
})

describe('never more than was handed on', () => {
  it('tx-exp-never-later: RFC 8693 §5, a token ends with the first of grant, delegation, agent and attestation', async () => {
    const now = Date.now()
    const at = (seconds: number) => new Date(now + seconds * 1000).toISOString()
    const early: [number, client.WorkerParts][] = [
      [40, { grant: { expires_at: at(40) } }],
      [50, { delegate: { lifetimeSeconds: 50n } }],
      [60, { register: { lifetimeSeconds: 60n } }],
      [70, { result: { expires_at: at(70) } }],
    ]
    for (const [seconds, parts] of early) {
      const answer = await http.exchange(await workerWith(parts))
      const { iat = 0, exp = 0 } = decodeJwt(answer.access_token ?? '')
      // Up to two seconds pass before the delegation or the agent begins.
      expect(exp).toBeLessThanOrEqual(now / 1000 + seconds + 2)
      expect(exp).toBeGreaterThan(iat)
      expect(iat + (answer.expires_in ?? 0)).toBeLessThanOrEqual(exp)
    }
    const over = await house.grant(worker.delegation, { expires_at: at(-1) })
    expect(await withFields({ grant_id: over.grant })).toEqual(invalidRequest)
  })

  it('tx-sub-never-changes: RFC 8693 §1.1, the subject is whose delegation it is, whatever the request says', async () => {
    const { human } = worker.delegation
    expect((await claimsFor(await childOf(worker))).sub).toBe(human)
    for (const name of ['sub', 'subject', 'requested_subject', 'username', 'on_behalf_of']) {
      const answer = await http.exchange(worker, { [name]: 'hum_other' })
      expect([undefined, human]).toContain(answer.access_token && decodeJwt(answer.access_token).sub)
    }
    const forged = await resigned(worker.delegationToken, { claims: { sub: newId('hum') } }, worker.key.privateKey)
    expect(await withSubject(forged)).toEqual(invalidRequest)
  })
})

describe('the chain of actors', () => {
  it('tx-inbound-act-preserved: RFC 8693 §4.1, who passed the delegation on stays in act, unchanged', async () => {
    const child = await childOf(worker)
    const inner = decodeJwt<{ act?: Act }>(child.delegationToken).act
    const iss = `spiffe://${house.stack.trustDomain}`
    expect(inner).toMatchObject({ iss, sub: worker.spiffeId })
    const { act } = await claimsFor(child)
    expect(act).toEqual({ iss, sub: child.spiffeId, sub_profile: 'ai_agent', act: inner })
  })

  it('tx-depth-no-truncate: actor profile, a chain is whole or refused with invalid_request, never cut', async () => {
    const { blueprint } = await house.sponsor.getBlueprint({ name: BLUEPRINT })
    const deep = { ...blueprint, name: 'deep-team', maximumSpawnDepth: 8 }
    await house.sponsor.createBlueprint(CreateBlueprintRequest.create(deep))
    const chain = [await workerWith({ register: { blueprint: deep.name }, delegate: { maximumDepth: 8 } })]
    for (let left = 7; left >= 0; left--) {
      const holder = await childOf(chain[0] as Worker, left)
      chain.unshift(holder)
      const answer = await http.exchange(holder)
      const { act } = answer.access_token ? decodeJwt<{ act?: Act }>(answer.access_token) : {}
      if (chain.length <= 4) expect(answer.status).toBe(200)
      if (answer.status !== 200) expect(answer).toMatchObject({ status: 400, error: 'invalid_request' })
      else expect(actors(act).map(({ sub }) => sub)).toEqual(chain.map(({ spiffeId }) => spiffeId))
    }
    await expect(childOf(chain[0] as Worker)).rejects.toMatchObject({ reason: 'depth_exhausted' })
  })

  it('tx-inner-actor-bytes-unchanged: actor profile, unknown members of an inner actor are copied as they are', async () => {
    const child = await childOf(worker)
    const { act: inner } = decodeJwt<{ act?: Act }>(child.delegationToken)
    const told = { zone: { é: [1, null] }, ...inner, amr: ['x'] }
    const subject_token = await resigned(child.delegationToken, { claims: { act: told } }, serverKey.privateKey)
    const { act } = await claimsFor(child, { subject_token })
    expect(JSON.stringify(act?.act)).toBe(JSON.stringify(told))
  })

  it('tx-act-iss-required: actor profile, every actor has a namespace, or the chain is refused', async () => {
    const child = await childOf(worker)
    const { act: inner } = decodeJwt<{ act?: Act }>(child.delegationToken)
    const outcomeOf = async (act: unknown) => {
      const subject_token = await resigned(child.delegationToken, { claims: { act } }, serverKey.privateKey)
      return withFields({ subject_token }, child)
    }
    expect(await outcomeOf(inner)).toMatchObject({ status: 200, issued: 1 })
    for (const part of [{ iss: undefined }, { sub: undefined }, { iss: '' }, { iss: 7 }, { act: {} }, { act: 'x' }])
      expect(await outcomeOf({ ...inner, ...part }), JSON.stringify(part)).toEqual(invalidRequest)
  })

  it('tx-chain-tampered: RFC 8693 §4.1, a chain that the delegation did not go through is refused, though it is signed', async () => {
    const child = await childOf(worker)
    const other = await house.worker()
    const { act: inner } = decodeJwt<{ act?: Act }>(child.delegationToken)
    const stranger = { ...inner, sub: other.spiffeId }
    for (const act of [
      undefined,
      stranger,
      { ...inner, act: inner },
      { ...stranger, act: inner },
      { ...inner, iss: CRM },
    ]) {
      const subject_token = await resigned(child.delegationToken, { claims: { act } }, serverKey.privateKey)
      expect(await withFields({ subject_token }, child), JSON.stringify(act)).toEqual(invalidRequest)
    }
  })

  it('chain-signed-by-other-key: RFC 8693 §4.1, only this server says who passed a delegation on; no agent of the chain can', async () => {
    const child = await childOf(worker)
    const iss = `spiffe://${house.stack.trustDomain}`
    const act = { iss, sub: worker.spiffeId, sub_profile: 'ai_agent' }
    for (const signer of [worker.key, child.key, await newKey()])
      for (const header of [{}, { jwk: signer.publicJwk, kid: undefined }, { kid: signer.thumbprint }]) {
        const subject_token = await resigned(child.delegationToken, { claims: { act }, header }, signer.privateKey)
        expect(await withFields({ subject_token }, child)).toEqual(invalidRequest)
      }
  })

  it('chain-alg-list: RFC 8725 §3.1, a chain is signed as this server signs, by an algorithm of the list, or refused', async () => {
    const child = await childOf(worker)
    const claims = decodeJwt(child.delegationToken)
    const kid = serverKey.keyId
    const tokens = [
      client.unsecured({ typ: 'delegation+jwt', kid }, claims),
      await resigned(
        child.delegationToken,
        { header: { alg: 'HS256' } },
        Buffer.from(JSON.stringify(serverKey.publicJwk)),
      ),
      await resigned(child.delegationToken, { header: { alg: 'EdDSA', kid } }, (await newKey('EdDSA')).privateKey),
      ...['ES384', 'RS256', 'PS256', 'none', 'es256', ''].map((alg) => withHeader(child.delegationToken, { alg })),
    ]
    for (const subject_token of tokens) expect(await withFields({ subject_token }, child)).toEqual(invalidRequest)
  })

  it('tx-depth-limit: actor profile, 32 actors at most; 33, 1,000 and a circle are invalid_request, and nobody falls over', async () => {
    /** A delegation that went through so many agents, and its token. No call of the service makes one that long. */
    const lineOf = async (depth: number): Promise<client.Holder> => {
      const iss = `spiffe://${house.stack.trustDomain}`
      let parent: string | undefined
      for (let at = 1; at <= depth; at++) {
        const agent = at === depth ? worker.agentId : other.agentId
        const times = { not_before: facts.hours(-1, new Date()), expires_at: facts.hours(1, new Date()) }
        const { human } = worker.delegation
        const data = facts.delegation({ agent, human, ...times, ...(parent ? { parent } : {}) })
        await house.happen(`delegation/${data.delegation}`, facts.granted(data))
        parent = data.delegation
      }
      const above = Array.from({ length: depth - 1 }).reduce<Act | undefined>(
        (act) => ({ iss, sub: other.spiffeId, ...(act ? { act } : {}) }),
        undefined,
      )
      const jti = parent ?? ''
      const delegationToken = await bent({ claims: { jti, act: above } })
      return { ...worker, delegationToken, ...(await house.grant({ ...worker.delegation, id: jti })) }
    }
    const other = await house.worker()
    const longest = await claimsFor(await lineOf(32))
    expect(actors(longest.act)).toHaveLength(32)
    expect(await withFields({}, await lineOf(33))).toEqual(invalidRequest)
    const deep = (depth: number) =>
      Array.from({ length: depth }).reduce<object | undefined>((act) => ({ iss: 'a', sub: 'b', act }), undefined)
    for (const depth of [32, 33, 1_000])
      expect(await withSubject(await bent({ claims: { act: deep(depth) } }))).toEqual(invalidRequest)
    expect(house.stack.service('identity').running()).toBe(true)
    // A delegation that is its own parent.
    const data = facts.delegation({ agent: worker.agentId, human: worker.delegation.human })
    await house.happen(`delegation/${data.delegation}`, facts.granted({ ...data, parent: data.delegation }))
    expect(await withSubject(await bent({ claims: { jti: data.delegation } }))).toEqual(invalidRequest)
  })

  it('tx-client-profile-not-in-act: actor profile, client_profile and cnf stand at the top, never inside act', async () => {
    const claims = await claimsFor(await childOf(worker))
    expect(claims).toHaveProperty('client_profile')
    const chain = actors(claims.act)
    expect(chain).toHaveLength(2)
    for (const actor of chain)
      for (const name of ['client_profile', 'client_id', 'cnf']) expect(actor).not.toHaveProperty(name)
  })
})

describe('a subject token is a delegation token of this server', () => {
  it('tx-typ-checked: RFC 8725 §3.11, no other kind of token stands in for a delegation token', async () => {
    const { access_token = '' } = await http.exchange(worker)
    for (const other of [access_token, await http.assertion(worker), await http.proof(worker)])
      expect(await withSubject(other)).toEqual(invalidRequest)
    for (const typ of ['JWT', 'at+jwt', 'dpop+jwt', 'agent-proof+jwt', '', undefined])
      expect(await withSubject(await bent({ header: { typ } })), typ).toEqual(invalidRequest)
    for (const kind of ['access_token', 'id_token', 'refresh_token', 'saml2'])
      expect(await withFields({ subject_token_type: TOKEN_TYPE + kind }), kind).toEqual(invalidRequest)
  })

  it('tx-foreign-issuer-rejected: RFC 8693 §2.2.2, another issuer, audience or signer is refused', async () => {
    for (const name of ['https://evil.example', `${house.stack.issuer}/`, undefined])
      for (const claims of [{ iss: name }, { aud: name }])
        expect(await withSubject(await bent({ claims }))).toEqual(invalidRequest)
    const { privateKey, publicJwk } = await newKey()
    for (const header of [{}, { jwk: publicJwk }, { kid: undefined }, { jku: 'https://evil.example/jwks' }])
      expect(await withSubject(await resigned(worker.delegationToken, { header }, privateKey))).toEqual(invalidRequest)
    const secret = Buffer.from(JSON.stringify(serverKey.publicJwk))
    const symmetric = await resigned(worker.delegationToken, { header: { alg: 'HS256' } }, secret)
    const unsigned = client.unsecured({ typ: 'delegation+jwt' }, decodeJwt(worker.delegationToken))
    for (const token of [symmetric, unsigned]) expect(await withSubject(token)).toEqual(invalidRequest)
  })

  it('tx-may-act-mismatch: RFC 8693 §4.4, only the agent that may_act names, by namespace and name', async () => {
    const other = await house.worker()
    expect(await withSubject(other.delegationToken)).toEqual(refusal('actor_unauthorized'))
    const good = { iss: `spiffe://${house.stack.trustDomain}`, sub: worker.spiffeId }
    for (const part of [{ iss: 'https://evil.example' }, { sub: `${good.sub}x` }, { sub: other.spiffeId }]) {
      const renamed = await bent({ claims: { may_act: { ...good, ...part } } })
      expect(await withSubject(renamed)).toEqual(refusal('actor_unauthorized'))
    }
    for (const may_act of [undefined, {}, [good], good.sub, { sub: good.sub }, { iss: good.iss }]) {
      const answer = await withSubject(await bent({ claims: { may_act } }))
      expect(answer).toMatchObject({ status: 400, issued: 0 })
      expect(['invalid_request', 'actor_unauthorized']).toContain(answer.error)
    }
  })

  it('tx-may-act-invalid-iss-no-fallback: RFC 8693 §4.4, a may_act whose iss does not fit is not used, and nothing else is', async () => {
    const { access_token: actor_token } = await http.grant(worker, { grant_type: 'client_credentials' })
    const actor = { actor_token, actor_token_type: `${TOKEN_TYPE}access_token` }
    for (const iss of [
      undefined,
      '',
      house.stack.issuer,
      `spiffe://${house.stack.trustDomain}/`,
      'SPIFFE://acme.example',
      7,
    ]) {
      const subject_token = await bent({ claims: { may_act: { iss, sub: worker.spiffeId } } })
      for (const fields of [{ subject_token }, { subject_token, ...actor }]) {
        const answer = await withFields(fields)
        expect(answer).toMatchObject({ status: 400, issued: 0 })
        expect(['actor_unauthorized', 'invalid_request']).toContain(answer.error)
        expect(answer).not.toHaveProperty('token')
      }
    }
  })

  it('tx-may-act-not-propagated: actor profile, may_act and the like stay in the subject token', async () => {
    for (const holder of [worker, await childOf(worker)]) {
      const claims = await claimsFor(holder)
      expect(claims).not.toHaveProperty('may_act')
      for (const actor of actors(claims.act)) expect(actor).not.toHaveProperty('may_act')
    }
  })

  it('tx-may-act-without-actor-token-rejected: kc#52691, without an actor_token comes a delegated token or none, never a plain one', async () => {
    const { act, sub } = await claimsFor(worker)
    expect(act).toMatchObject({ sub: worker.spiffeId })
    expect(sub).toBe(worker.delegation.human)
    const other = await house.worker()
    expect(await withSubject(other.delegationToken)).toEqual(refusal('actor_unauthorized'))
    expect(await withSubject(await bent({ claims: { may_act: undefined } }))).toEqual(invalidRequest)
  })

  it('tx-public-client-may-act: actor profile, who does not authenticate is no actor', async () => {
    for (const fields of [
      { client_assertion: undefined, client_assertion_type: undefined },
      { client_assertion: undefined, client_assertion_type: undefined, client_id: undefined },
      { client_assertion: undefined },
    ]) {
      const answer = await withFields(fields)
      expect(answer).toMatchObject({ issued: 0, error: expect.stringMatching(/^invalid_(client|request)$/) })
      expect(answer).not.toHaveProperty('token')
    }
  })

  it('tx-delegation-pinned-to-internal-id: kc#51398, a token that names another person for the same delegation is refused', async () => {
    for (const sub of [newId('hum'), 'cora', ''])
      expect(await withSubject(await bent({ claims: { sub } })), sub).toEqual(invalidRequest)
  })

  it('tx-actor-unauthorized-code: actor profile, an actor that may not act for this subject is told so, with 400', async () => {
    const other = await house.worker()
    const answer = await http.exchange(worker, { subject_token: other.delegationToken })
    expect(answer).toMatchObject({ status: 400, error: 'actor_unauthorized', error_description: expect.any(String) })
    const refused = (await house.read('IDENTITY')).flatMap(({ facts: made }) =>
      made.flatMap(({ type, data }) => (type === 'credence.identity.token.refused.v1' ? [data] : [])),
    )
    expect(refused.at(-1)).toMatchObject({
      agent: worker.agentId,
      error: 'actor_unauthorized',
      reason: 'delegation_of_another_agent',
      audience: CALENDAR,
    })
  })

  it('tx-subject-deleted: RFC 8693 §5, when the person has left, what they had delegated gives nothing more', async () => {
    const dora = await house.person({ subject: 'dora', name: 'Dora' })
    const wanted = { agentId: worker.agentId, authorizationDetails: worker.delegation.authorizationDetails }
    const given = await dora.grantDelegation({
      ...wanted,
      purpose: 'Mine',
      lifetimeSeconds: 600n,
      maximumDepth: 0,
      notBefore: [],
      narrow: false,
    })
    if (!given.delegation) throw new Error('no delegation')
    const holder = { ...worker, delegationToken: given.delegationToken, ...(await house.grant(given.delegation)) }
    const { human } = given.delegation
    expect((await claimsFor(holder)).sub).toBe(human)
    await house.happen(`human/${human}`, {
      type: 'credence.identity.human.deactivated.v1',
      data: { human, reason: 'Left', left_at: new Date().toISOString() },
    })
    expect(await withFields({}, holder)).toEqual(invalidRequest)
    expect(await withFields({})).toMatchObject({ status: 200 })
  })

  it('tx-actor-disabled-stops-reexchange: RFC 8693 §5, an agent that has ended, or its parent, gets nothing more', async () => {
    const parent = await house.worker()
    const child = await childOf(parent)
    const { access_token } = await http.exchange(child)
    await house.security.revokeAgent({ agentId: parent.agentId, reason: 'Compromised' })
    for (const holder of [parent, child])
      for (const fields of [{}, { subject_token: access_token }])
        expect(await withFields(fields, holder)).toEqual(refusal('invalid_client', 401))
  })
})

describe('refusals', () => {
  it('tx-errors-invalid-request-not-invalid-grant: RFC 8693 §2.2.2, an unusable token or grant is invalid_request', async () => {
    const other = await workerWith({})
    await house.cora.revokeDelegation({ delegationId: other.delegation.id, reason: 'Enough' })
    expect(await withFields({}, other)).toEqual(invalidRequest)
    const past = { exp: Math.floor(Date.now() / 1000) - 60 }
    const bad = [{ claims: past }, { claims: { exp: undefined } }, { claims: { jti: newId('dlg') } }]
    for (const token of ['x', 'a.b.c', ...(await Promise.all(bad.map((part) => bent(part))))])
      expect(await withSubject(token), token).toEqual(invalidRequest)
    const ended = await house.grant(worker.delegation)
    await house.endGrant(ended.grant, ended.task)
    for (const grant_id of [ended.grant, other.grant, newId('grt'), 'x'])
      expect(await withFields({ grant_id }), grant_id).toEqual(invalidRequest)
  })

  it('tx-multi-resource-invalid-target: RFC 8693 §2.2.2 and RFC 8707 §2, every target is granted, or none is', async () => {
    const elsewhere = 'https://elsewhere.example'
    const resources = [[CALENDAR, CRM], [CALENDAR, elsewhere], elsewhere, `${CALENDAR}#a`, 'calendar']
    const targets: client.Fields[] = [...resources.map((resource) => ({ resource })), { audience: CRM }]
    const answers: unknown[] = []
    for (const fields of targets) answers.push({ ...fields, ...(await withFields(fields)) })
    expect(answers).toEqual(targets.map((fields) => ({ ...fields, ...refusal('invalid_target') })))
  })

  it('tx-missing-subject-token-rejected: RFC 8693 §2.1, without its subject token an exchange gives nothing', async () => {
    for (const fields of [{ subject_token: undefined }, { subject_token_type: undefined }])
      expect(await withFields(fields)).toEqual(invalidRequest)
    const actor = { actor_token: worker.delegationToken, actor_token_type: `${TOKEN_TYPE}jwt` }
    expect(await withFields({ ...actor, subject_token: undefined })).toEqual(invalidRequest)
  })

  it('tx-empty-params-rejected: RFC 6749 §3.2, a parameter without a value counts as left out', async () => {
    const needed = ['grant_type', 'client_assertion', 'client_assertion_type', 'resource']
    for (const name of [...needed, 'subject_token', 'subject_token_type'])
      for (const value of ['', ' ', '\0', undefined]) {
        const answer = await withFields({ [name]: value })
        expect(answer, name).toMatchObject({ issued: 0, error: expect.stringMatching(/^(invalid|unsupported)_/) })
        expect([400, 401]).toContain(answer.status)
      }
  })
})
