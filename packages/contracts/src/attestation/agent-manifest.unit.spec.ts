import { describe, expect, it } from 'vitest'
import {
  AGENT_MANIFEST,
  type AgentManifest,
  compositionOf,
  readAgentManifest,
  writeAgentManifest,
} from './agent-manifest.ts'
import { toolManifestDigest } from './tools.ts'

const manifest: AgentManifest = {
  blueprint: 'meeting-scheduler',
  label: '1.4.2',
  program: { name: 'agent.ts', digest: '1'.repeat(64) },
  prompt: { name: 'prompt.md', digest: '2'.repeat(64) },
  model: { name: 'intent-small', digest: '4'.repeat(64) },
  tools: [
    { server: 'https://mail.example/mcp', name: 'send', digest: '6'.repeat(64) },
    { server: 'https://calendar.example/mcp', name: 'book', digest: '5'.repeat(64) },
  ],
  policyVersion: '7'.repeat(64),
}
const statement = () => JSON.parse(writeAgentManifest(manifest).toString())
const read = (value: unknown) =>
  readAgentManifest(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)))
const changed = (change: (statement: ReturnType<typeof JSON.parse>) => void) => {
  const one = statement()
  change(one)
  return read(one)
}

describe('an agent manifest', () => {
  it('is an in-toto statement about the program', () => {
    expect(statement()).toEqual({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'agent.ts', digest: { sha256: '1'.repeat(64) } }],
      predicateType: 'https://credence.dev/agent-manifest/v1',
      predicate: {
        blueprint: 'meeting-scheduler',
        label: '1.4.2',
        prompt: { name: 'prompt.md', digest: { sha256: '2'.repeat(64) } },
        model: { name: 'intent-small', digest: { sha256: '4'.repeat(64) } },
        tools: [
          { server: 'https://calendar.example/mcp', name: 'book', digest: { sha256: '5'.repeat(64) } },
          { server: 'https://mail.example/mcp', name: 'send', digest: { sha256: '6'.repeat(64) } },
        ],
        policyVersion: '7'.repeat(64),
      },
    })
  })

  it('is read back, and gives the composition', () => {
    const { value } = readAgentManifest(writeAgentManifest(manifest))
    expect(value).toEqual({ ...manifest, tools: manifest.tools.toReversed() })
    expect(value && compositionOf(value)).toEqual({
      program: '1'.repeat(64),
      prompt: '2'.repeat(64),
      tool_manifest: toolManifestDigest(manifest.tools),
      model: '4'.repeat(64),
    })
  })

  it('may be told without a policy version, and with tools in another order', () => {
    const { value } = changed(({ predicate }) => {
      predicate.policyVersion = undefined
      predicate.tools.reverse()
    })
    expect(value && compositionOf(value)).toEqual(compositionOf(manifest))
    expect(value).not.toHaveProperty('policyVersion')
  })

  const refused: [name: string, code: string, read: () => object][] = [
    [
      'another predicate',
      'predicate_type',
      () => changed((one) => (one.predicateType = 'https://slsa.dev/provenance/v1')),
    ],
    [
      'another version of the predicate',
      'predicate_type',
      () => changed((one) => (one.predicateType = `${AGENT_MANIFEST.predicateType}.1`)),
    ],
    ['another statement', 'statement_type', () => changed((one) => (one._type = 'https://in-toto.io/Statement/v0.1'))],
    ['two subjects', 'subjects_not_one', () => changed((one) => one.subject.push(one.subject[0]))],
    ['no subject', 'subjects_not_one', () => changed((one) => (one.subject = []))],
    [
      'a subject by SHA-512 alone',
      'statement_malformed',
      () => changed((one) => (one.subject[0].digest = { sha512: '1'.repeat(128) })),
    ],
    ['a member that nobody compares', 'statement_malformed', () => changed((one) => (one.predicate.memory = 'x'))],
    ['a member beside the predicate', 'statement_malformed', () => changed((one) => (one.also = 'x'))],
    ['a missing prompt', 'statement_malformed', () => changed((one) => delete one.predicate.prompt)],
    [
      'a digest in capitals',
      'statement_malformed',
      () => changed((one) => (one.predicate.model.digest.sha256 = 'A'.repeat(64))),
    ],
    ['a tool twice', 'tool_twice', () => changed((one) => one.predicate.tools.push(one.predicate.tools[0]))],
    [
      'names of tools that no result could carry',
      'tools_too_many',
      () =>
        changed(
          (one) =>
            (one.predicate.tools = Array.from({ length: 200 }, (_, at) => ({
              ...one.predicate.tools[0],
              name: `a-rather-long-name-of-a-tool-${at}`,
            }))),
        ),
    ],
    [
      '257 tools',
      'statement_malformed',
      () =>
        changed(
          (one) =>
            (one.predicate.tools = Array.from({ length: 257 }, (_, at) => ({
              ...one.predicate.tools[0],
              name: `t${at}`,
            }))),
        ),
    ],
    [
      'a control character in a name',
      'statement_malformed',
      () => changed((one) => (one.subject[0].name = 'agent\u001b[2J')),
    ],
    ['a blueprint that is no slug', 'statement_malformed', () => changed((one) => (one.predicate.blueprint = '../x'))],
    ['an array', 'statement_malformed', () => read([statement()])],
    [
      'a member twice',
      'statement_malformed',
      () => read(JSON.stringify(statement()).replace('{"_type"', '{"_type":"x","_type"')),
    ],
    [
      'a prototype',
      'statement_malformed',
      () => read(JSON.stringify(statement()).replace('{"_type"', '{"__proto__":{},"_type"')),
    ],
    ['too many bytes', 'evidence_too_large', () => read(' '.repeat(AGENT_MANIFEST.bytes + 1))],
    ['nothing', 'statement_malformed', () => read('')],
  ]
  for (const [name, code, read] of refused)
    it(`is refused with ${name}`, () => expect(read()).toMatchObject({ refused: code }))

  it('is not written when it breaks a limit', () =>
    expect(() => writeAgentManifest({ ...manifest, label: '' })).toThrow('must be 1 to 500 characters'))

  it('tells where it is wrong without what it holds', () =>
    expect(changed((one) => (one.predicate.model.digest.sha256 = 'secret'))).toMatchObject({
      detail: 'The statement is wrong at "predicate.model.digest.sha256".',
    }))
})
