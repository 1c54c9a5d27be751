/** A manifest all the way: files, builder, anchor, profile, reference value, the agent's statement, the verdict. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { agentManifestProducer } from '@credence/attester/evidence/agent-manifest'
import { signManifest } from '@credence/attester/manifest/sign'
import { type AgentManifest, compositionOf, writeAgentManifest } from '@credence/contracts/attestation/agent-manifest'
import type { Fact } from '@credence/contracts/events/catalog'
import { newAgentKey } from '@credence/sdk/agent/key'
import { digestOf, measure, measureTools } from '@credence/sdk/agent/measure'
import { signStatement } from '@credence/sdk/agent/statement'
import { sha256 } from '@credence/shared/digest'
import { encodeCommit, newCommit } from '@credence/shared/event-store/commit'
import { newId } from '@credence/shared/ids'
import { createLog } from '@credence/shared/log'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { recordedCommit } from '../../../../../../infra/testing/commits.ts'
import { result as recordedResult, agent as registered } from '../../../../../../infra/testing/facts.ts'
import { examine } from '../../../api/examine.ts'
import type { Verify } from '../../../api/verifier.ts'
import { appraise } from '../../../domain/appraisal.ts'
import { appraisers } from '../../../domain/kinds/kinds.ts'
import { createAppraisals } from '../../../projections/appraisals.ts'
import { openStatement } from '../software/statement.ts'
import { alone } from '../verifiers.ts'
import { newBuilder } from './testing.ts'

const SERVICE = 'spiffe://acme.example/service/attestation'
const folder = mkdtempSync(join(tmpdir(), 'shown-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string) => join(folder, name)
const files = {
  program: file('agent.ts'),
  prompt: file('prompt.md'),
  toolManifest: file('tools.json'),
  model: file('model.json'),
}

const key = await newAgentKey()
const TOOL = { name: 'book', description: 'Books a meeting.', annotations: { readOnlyHint: false } }

beforeEach(() => {
  writeFileSync(files.program, 'work()')
  writeFileSync(files.prompt, 'You book meetings.')
  writeFileSync(
    files.toolManifest,
    JSON.stringify({ servers: [{ server: 'https://cal.example', list: { tools: [TOOL] } }] }),
  )
  writeFileSync(files.model, '{"weights":[1]}')
})

async function manifestOf(part: Partial<AgentManifest> = {}): Promise<AgentManifest> {
  const named = async (path: string) => ({ name: path.slice(folder.length + 1), digest: await digestOf(path) })
  const [program, prompt, model] = await Promise.all([files.program, files.prompt, files.model].map(named))
  if (!program || !prompt || !model) throw new Error('a part is missing')
  const tools = await measureTools(files.toolManifest)
  return { blueprint: 'meeting-scheduler', label: '1', program, prompt, model, tools, ...part }
}

/** A house in which the builder, a profile and the composition of the manifest are approved; and an agent of it. */
async function prepared(manifest: AgentManifest, builder = newBuilder()) {
  const appraisals = createAppraisals()
  let sequence = 0
  const say = (subject: string, ...facts: Fact[]) => {
    const commit = recordedCommit('ATTESTATION', ++sequence, subject, facts)
    for (const model of appraisals.models) model.apply(commit)
  }
  const composition = compositionOf(manifest)
  const reference = newId('ref')
  const { anchor } = builder
  say(`anchor/${anchor.anchor}`, { type: 'credence.attestation.anchor.approved.v1', data: anchor })
  say(`reference/${reference}`, {
    type: 'credence.attestation.reference.approved.v1',
    data: { reference, blueprint: 'meeting-scheduler', label: '1', value: { type: 'composition', ...composition } },
  })
  const profile = {
    blueprint: 'meeting-scheduler',
    version: 1,
    rule: { kind: 'agent-manifest' as const },
    worst_acceptable_status: 'affirming' as const,
    maximum_age_seconds: 300,
    sensitivities: [],
  }
  say('profile/meeting-scheduler', { type: 'credence.attestation.profile.defined.v1', data: profile })
  say('profile/meeting-scheduler', {
    type: 'credence.attestation.profile.activated.v1',
    data: { blueprint: 'meeting-scheduler', version: 1 },
  })
  const agent = registered({
    public_jwk: key.publicJwk as never,
    key_thumbprint: key.thumbprint,
    prompt_digest: composition.prompt,
    tool_manifest_digest: composition.tool_manifest,
    model: { provider: 'acme', name: 'small', version: '1', digest: composition.model },
  })
  writeFileSync(file('agent.manifest.json'), signManifest(writeAgentManifest(manifest), builder.key))
  return { appraisals, say, agent: { ...agent, state: 'active' as const }, builder, reference }
}

/** The agent attests: it measures its files now, and shows the bundle that lies beside it. */
async function attest({ appraisals, agent }: Awaited<ReturnType<typeof prepared>>) {
  const nonce = 'n'.repeat(43)
  const now = new Date()
  const content = await agentManifestProducer(file('agent.manifest.json'))({ nonce, binding: new Uint8Array(32), now })
  const { spiffe_id: spiffeId } = agent
  const about = { spiffeId, audience: SERVICE, nonce, now, measurements: await measure(files), evidence: [content] }
  const challenge = {
    challenge: newId('chl'),
    agent: agent.agent,
    key_thumbprint: key.thumbprint,
    nonce_digest: sha256(nonce),
    expires_at: new Date(now.getTime() + 60_000).toISOString(),
  }
  const profile = appraisals.profile('meeting-scheduler')
  const submission = {
    statement: await signStatement(key, about),
    evidence: [content as { kind: 'agent-manifest'; content: Uint8Array }],
    agent,
    key: { jwk: agent.public_jwk, thumbprint: key.thumbprint },
    challenge,
    profile,
    now,
  }
  const verify: Verify = (kind, piece, evidenced) =>
    alone[kind as 'agent-manifest'].verify(piece, evidenced as never) as never
  const log = createLog('attestation', 'silent')
  const context = { openStatement, verify, appraisers, appraisals, spiffeId: SERVICE, log }
  const { examined } = await examine(submission, context)
  const { isBlocked, referencesOf, listsOf } = appraisals
  const [references, lists] = [referencesOf('meeting-scheduler'), listsOf('meeting-scheduler')]
  return appraise(examined, { agent, profile, references, lists, isBlocked, previous: undefined, appraisers, now })
}

const refused = (...reasons: string[]) => ({
  accepted: false,
  status: 'contraindicated',
  reasons: expect.arrayContaining(reasons.map((code) => `agent-manifest/${code}`)),
})

describe('an agent that shows its manifest', () => {
  it('is accepted when it is what its builder signed and somebody approved', async () => {
    const house = await prepared(await manifestOf())
    expect(await attest(house)).toMatchObject({
      accepted: true,
      status: 'affirming',
      kinds: ['agent-manifest'],
      references: [house.reference],
      anchors: [house.builder.anchor.anchor],
      vector: { configuration: 2, executables: 2, 'file-system': 2 },
    })
  })

  const changes: [name: string, code: string, change: () => void][] = [
    ['another program', 'program_changed', () => writeFileSync(files.program, 'steal()')],
    ['another prompt', 'prompt_changed', () => writeFileSync(files.prompt, 'You pay.')],
    ['a poisoned model', 'model_changed', () => writeFileSync(files.model, '{"weights":[-1]}')],
    [
      'a tool whose annotation changed',
      'tools_changed',
      () => {
        const tools = [{ ...TOOL, annotations: { readOnlyHint: true } }]
        writeFileSync(
          files.toolManifest,
          JSON.stringify({ servers: [{ server: 'https://cal.example', list: { tools } }] }),
        )
      },
    ],
  ]
  for (const [name, code, change] of changes)
    it(`is refused with ${name}`, async () => {
      const house = await prepared(await manifestOf())
      change()
      expect(await attest(house)).toMatchObject(refused(code))
    })

  it('is refused when builder and files move on together, and nobody approved that', async () => {
    const house = await prepared(await manifestOf())
    writeFileSync(files.program, 'more()')
    writeFileSync(file('agent.manifest.json'), signManifest(writeAgentManifest(await manifestOf()), house.builder.key))
    expect(await attest(house)).toMatchObject(refused('composition_not_approved'))
  })

  it('is refused from the moment that the reference value is withdrawn', async () => {
    const house = await prepared(await manifestOf())
    const data = { reference: house.reference, reason: 'The model is poisoned' }
    house.say(`reference/${house.reference}`, { type: 'credence.attestation.reference.withdrawn.v1', data })
    expect(await attest(house)).toMatchObject(refused('composition_not_approved'))
  })

  it('is refused from the moment that the builder’s anchor is withdrawn', async () => {
    const house = await prepared(await manifestOf())
    const { anchor } = house.builder.anchor
    const data = { anchor, reason: 'The key leaked' }
    house.say(`anchor/${anchor}`, { type: 'credence.attestation.anchor.withdrawn.v1', data })
    expect(await attest(house)).toMatchObject(refused('anchor_unknown'))
  })

  it('is refused when the builder’s anchor counts for another blueprint, or vouches for another kind', async () => {
    const manifest = await manifestOf()
    for (const part of [{ blueprints: ['somebody-else'] }, { kinds: ['model-signing' as const] }])
      expect(await attest(await prepared(manifest, newBuilder(part)))).toMatchObject(refused('anchor_unknown'))
    const mine = newBuilder({ blueprints: ['somebody-else', 'meeting-scheduler'] })
    expect(await attest(await prepared(manifest, mine))).toMatchObject({ accepted: true })
  })

  it('is refused when one of its tools is blocked, or the manifest itself', async () => {
    const manifest = await manifestOf()
    const payload = writeAgentManifest(manifest)
    for (const digest of [manifest.tools[0]?.digest ?? '', sha256(payload), manifest.program.digest]) {
      const house = await prepared(manifest)
      const data = { digest, reason: 'A tool that steals' }
      house.say(`measurement/${digest}`, { type: 'credence.attestation.measurement.blocked.v1', data })
      expect(await attest(house)).toMatchObject(refused('blocked'))
    }
  })

  it('leaves a result that an event can hold, however many tools it has', async () => {
    const tools = Array.from({ length: 130 }, (_, at) => ({ name: `tool-of-ordinary-length-${at}` }))
    writeFileSync(
      files.toolManifest,
      JSON.stringify({ servers: [{ server: 'https://cal.example/mcp', list: { tools } }] }),
    )
    const { accepted, evidence, digests } = await attest(await prepared(await manifestOf()))
    expect(accepted).toBe(true)
    const source = SERVICE
    const data = { ...recordedResult(), evidence, digests }
    const facts: Fact[] = [{ type: 'credence.attestation.result.recorded.v1', data }]
    const about = { actor: { kind: 'agent' as const, id: source }, source, subject: 'challenge/x', now: new Date() }
    expect(encodeCommit(newCommit(facts, about)).payload.byteLength).toBeGreaterThan(20_000)
  })
})
