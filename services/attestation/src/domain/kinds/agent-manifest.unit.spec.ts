import type { ClaimsOf } from '@credence/contracts/attestation/claims'
import type { Reference } from '@credence/contracts/attestation/trust'
import { newId } from '@credence/shared/ids'
import { describe, expect, it } from 'vitest'
import { agent as registered } from '../../../../../infra/testing/facts.ts'
import { agentManifest } from './agent-manifest.ts'
import type { About } from './kind.ts'

const digest = (digit: string) => digit.repeat(64)
const composition = { program: digest('1'), prompt: digest('2'), tool_manifest: digest('3'), model: digest('4') }
const claims: ClaimsOf<'agent-manifest'> = {
  manifest_digest: digest('a'),
  composition,
  tools: [{ server: 'https://calendar.example/mcp', name: 'book', digest: digest('b') }],
  signer: newId('anc'),
}
const reference = (value: Reference['value']): Reference => ({
  reference: newId('ref'),
  blueprint: 'meeting-scheduler',
  label: '1.4.2',
  value,
})
const approved = reference({ type: 'composition', ...composition })
const agent = registered({
  model: { provider: 'acme', name: 'small', version: '1', digest: composition.model },
  prompt_digest: composition.prompt,
  tool_manifest_digest: composition.tool_manifest,
})
const about = (part: Partial<About> = {}): About => ({
  agent: { ...agent, state: 'active' },
  references: [approved],
  lists: new Set(),
  statement: composition,
  claims: { 'agent-manifest': claims },
  previous: undefined,
  asked: new Set(['agent-manifest'] as const),
  now: new Date('2026-11-24T12:00:00.000Z'),
  ...part,
})
const faults = (part: Partial<About>, given = claims) => agentManifest.appraise(given, about(part)).faults

describe('an agent manifest', () => {
  it('that was approved and is what was measured vouches for configuration, executables and files', () =>
    expect(agentManifest.appraise(claims, about())).toEqual({
      vector: { configuration: 2, executables: 2, 'file-system': 2 },
      faults: [],
      notes: ['self_measured'],
      references: [approved.reference],
      digests: [digest('a'), digest('1'), digest('2'), digest('3'), digest('4'), digest('b')],
    }))

  for (const [part, code, vector] of [
    ['program', 'program_changed', { configuration: 2, executables: 96, 'file-system': 2 }],
    ['prompt', 'prompt_changed', { configuration: 96, executables: 2, 'file-system': 2 }],
    ['tool_manifest', 'tools_changed', { configuration: 96, executables: 2, 'file-system': 2 }],
    ['model', 'model_changed', { configuration: 2, executables: 2, 'file-system': 96 }],
  ] as const)
    it(`names what changed: ${code}`, () => {
      const finding = agentManifest.appraise(claims, about({ statement: { ...composition, [part]: digest('9') } }))
      expect(finding).toMatchObject({ faults: [code], vector })
    })

  it('must be what the agent was registered with', () => {
    const other = { ...agent, state: 'active' as const }
    expect(faults({ agent: { ...other, prompt_digest: digest('9') } })).toEqual(['prompt_not_as_registered'])
    expect(faults({ agent: { ...other, tool_manifest_digest: digest('9') } })).toEqual([
      'tool_manifest_not_as_registered',
    ])
    expect(faults({ agent: { ...other, model: { ...agent.model, digest: digest('9') } } })).toEqual([
      'model_not_as_registered',
    ])
  })

  it('is nothing when nobody approved these parts together, however well it is signed', () => {
    expect(agentManifest.appraise(claims, about({ references: [] }))).toMatchObject({
      faults: ['composition_not_approved'],
      vector: { configuration: 96, executables: 96, 'file-system': 96 },
      references: [],
    })
    // Every part is approved in some composition, and this one is not.
    const mixed = [
      reference({ type: 'composition', ...composition, model: digest('9') }),
      reference({ type: 'composition', ...composition, prompt: digest('9') }),
      reference({ type: 'model', statement_digest: composition.model }),
    ]
    expect(faults({ references: mixed })).toEqual(['composition_not_approved'])
    // And also when the profile does not ask for it: what is shown counts.
    expect(faults({ references: [], asked: new Set() })).toEqual(['composition_not_approved'])
  })

  it('must agree with the model that was signed', () => {
    const model = (statement_digest: string) => ({
      'model-signing': { grade: 'files' as const, name: 'intent-small', statement_digest },
    })
    expect(faults({ claims: model(composition.model) })).toEqual([])
    expect(faults({ claims: model(digest('9')) })).toEqual(['model_not_as_signed'])
  })

  it('says nothing of files when the model is hosted', () => {
    for (const grade of ['provider', 'claimed'] as const) {
      const hosted = { 'model-signing': { grade, name: 'large' } }
      const { vector, faults } = agentManifest.appraise(claims, about({ claims: hosted }))
      expect([vector, faults]).toEqual([{ configuration: 2, executables: 2 }, []])
      const changed = { ...composition, model: digest('9') }
      expect(agentManifest.appraise(claims, about({ claims: hosted, statement: changed })).vector).toMatchObject({
        'file-system': 96,
      })
    }
  })

  it('tells of a tool that shadows another', () => {
    const tools = [...claims.tools, { server: 'https://mail.example/mcp', name: 'book', digest: digest('c') }]
    expect(agentManifest.appraise({ ...claims, tools }, about()).notes).toEqual(['self_measured', 'tool_name_shadowed'])
  })

  it('meets a profile that names its signer', () => {
    const kind = 'agent-manifest' as const
    expect(agentManifest.unmet(claims, { kind })).toEqual([])
    expect(agentManifest.unmet(claims, { kind, signers: [newId('anc'), claims.signer] })).toEqual([])
    expect(agentManifest.unmet(claims, { kind, signers: [newId('anc')] })).toEqual(['signer_not_allowed'])
  })

  it('has a sentence for each code', () => {
    for (const sentence of Object.values(agentManifest.reasons)) expect(sentence).toMatch(/^[A-Z].*\.$/)
  })
})
