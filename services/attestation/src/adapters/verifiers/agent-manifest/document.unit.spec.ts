/** docs/agent-manifest.md says what the code does: its examples are read, its table of codes is the code’s. */
import { readFileSync } from 'node:fs'
import { AGENT_MANIFEST, readAgentManifest } from '@credence/contracts/attestation/agent-manifest'
import { readTools, TOOL_LIMITS } from '@credence/contracts/attestation/tools'
import { describe, expect, it } from 'vitest'
import { agentManifest } from '../../../domain/kinds/agent-manifest.ts'
import { MAX_BYTES } from './agent-manifest.ts'

const text = readFileSync(new URL('../../../../../../docs/agent-manifest.md', import.meta.url), 'utf8')
const blocks = text
  .split('```json\n')
  .slice(1)
  .map((part) => Buffer.from(part.split('\n```')[0] ?? ''))
const rowsAfter = (header: string): string[][] =>
  (text.split(`${header}\n`)[1] ?? '')
    .trimEnd()
    .split('\n\n', 1)
    .flatMap((table) => table.split('\n').slice(1))
    .map((line) => line.slice(2, -2).split(' | '))

describe('docs/agent-manifest.md', () => {
  const [tools, statement] = blocks

  it('shows a file of tools that is one, and the manifest that names them', () => {
    const read = readTools(tools ?? Buffer.of())
    expect(read.value).toMatchObject([{ server: 'https://calendar.example/mcp', name: 'book_meeting' }])
    const { value: manifest } = readAgentManifest(statement ?? Buffer.of())
    expect(manifest).toMatchObject({ blueprint: 'meeting-scheduler', label: '1.4.2' })
    expect(manifest?.tools).toEqual(read.value)
  })

  it('has every code, with its sentence', () =>
    expect(rowsAfter('| code | what it means |')).toEqual(
      Object.entries(agentManifest.reasons).map(([code, sentence]) => [`\`${code}\``, sentence]),
    ))

  it('names the limits', () => {
    for (const limit of [MAX_BYTES, AGENT_MANIFEST.bytes, AGENT_MANIFEST.toolBytes, TOOL_LIMITS.bytes])
      expect(text.replaceAll(/\s+/g, ' ')).toContain(`${limit / 1024} KiB`)
    expect(text).toContain(`${TOOL_LIMITS.tools} tools`)
    expect(text).toContain(AGENT_MANIFEST.predicateType)
  })

  it('has no code that nobody gives', () => {
    for (const [, code = ''] of text.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g))
      if (!['book_meeting'].includes(code)) expect(agentManifest.reasons).toHaveProperty(code)
  })
})
