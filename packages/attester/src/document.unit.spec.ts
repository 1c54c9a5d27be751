/** docs/attest-agent.md says what the code does. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { ConfigError, readAttesterConfig } from './config.ts'

const page = readFileSync(new URL('../../../docs/attest-agent.md', import.meta.url), 'utf8')
const folder = mkdtempSync(join(tmpdir(), 'credence-document-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const example = JSON.parse(/```json\n([\s\S]*?)```/.exec(page)?.[1] ?? '')
const read = (value: unknown) => {
  writeFileSync(join(folder, 'attest.json'), JSON.stringify(value))
  return readAttesterConfig(join(folder, 'attest.json'))
}
const says = (value: unknown): string => {
  try {
    read(value)
    return ''
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as Error).message
  }
}

describe('docs/attest-agent.md', () => {
  it('shows a configuration that is read', () => {
    expect(read(example)).toMatchObject({
      key_file: join(folder, 'agent-key.pem'),
      program: { file: join(folder, 'agent.ts') },
      model: { folder: join(folder, 'model'), signature: join(folder, 'model/model.sig') },
      evidence: { 'tpm2-quote': { tcti: 'device:/dev/tpmrm0', key_folder: join(folder, 'tpm') } },
      recheck_seconds: 60,
    })
  })

  it('names each member of it once', () => {
    const table = page.slice(page.indexOf('| member |'), page.indexOf('## When it attests'))
    const rows = [...table.matchAll(/^\| (`.*?`(?:, `.*?`)*) \|/gm)].flatMap(([, names = '']) => names.split(', '))
    expect(rows.map((name) => name.replaceAll('`', ''))).toEqual(Object.keys(example))
  })

  it('says truly that what is not listed is refused, by its name', () => {
    expect(says({ ...example, promt: 'x' })).toContain('"promt"')
    expect(says({ ...example, evidence: { ...example.evidence, 'model-signing': { folder: 'x' } } })).toContain(
      '"folder"',
    )
  })

  it('and what does not fit together, with what is missing', () => {
    const { model: _, ...rest } = example
    const missing: [part: object, says: RegExp][] = [
      [{ model: 'model.gguf' }, /needs a model with a signature/],
      [{ model: { folder: 'model' } }, /signature[\s\S]*is missing|is missing[\s\S]*signature/],
      [{ evidence: { 'container-image': { bundle: 'p.json' } } }, /must name the image/],
      [{ spiffe_id: 'spiffe://a.example/agent/x/agt_2' }, /must end in agent_id/],
      [{ service: 'https://attestation.example' }, /must be like host:7413/],
      [{ agent_id: 'mine' }, /must be an id that begins with "agt_"/],
      [{ prompt: '' }, /must not be empty/],
      [{ recheck_seconds: 1 }, /must be at least 5/],
    ]
    for (const [part, expected] of missing) expect(says({ ...rest, model: example.model, ...part })).toMatch(expected)
    expect(says(rest)).toContain('model')
  })
})
