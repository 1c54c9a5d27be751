/** The public cases of the Cedar project: decision, reasons and failing policies of every request must agree. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { policySetTextToParts, policyToJson, schemaToJson } from '@cedar-policy/cedar-wasm/nodejs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Answer, compile, type EntityUid, type PolicyJson } from './engine.ts'
import { entityStore } from './entity-store.ts'
import { withExactLongs } from './exact-longs.ts'
import { parseJson } from './json.ts'
import { readContext, readEntities } from './read.ts'
import { readSchema, type SchemaJson } from './schema.ts'

/** Beside the project, or beside the folder that holds its worktrees. */
const PLACES = ['../../../../shared/', '../../../../../shared/'].map(
  (place) => new URL(`${place}cedar-corpus/corpus.tar.gz`, import.meta.url).pathname,
)
const ARCHIVE = PLACES.find(existsSync)

type Case = {
  requests: {
    description: string
    principal: EntityUid
    action: EntityUid
    resource: EntityUid
    decision: Answer['decision']
    reason: string[]
    errors: string[]
  }[]
}

const title = ARCHIVE ? 'cedar-integration-tests' : `cedar-integration-tests (skipped: no ${PLACES[0]})`

describe.skipIf(!ARCHIVE)(title, () => {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'cedar-corpus-'))
    execFileSync('tar', ['xzf', ARCHIVE ?? '', '-C', folder])
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('all requests agree, with the index, by environment, and without', () => {
    const place = join(folder, 'corpus-tests')
    const names = readdirSync(place).filter((name) => /^[0-9a-f]+\.json$/.test(name))
    const differing: string[] = []
    let requests = 0
    for (const name of names) {
      const read = (ending: string) => readFileSync(join(place, name.replace('.json', ending)), 'utf8')
      const policies = policiesOf(read('.cedar'))
      const schema = readSchema(schemaOf(read('.cedarschema')))
      const entities = entityStore(readEntities(read('.entities.json'), schema), schema)
      const engines = [compile(policies, schema), compile(policies), compile(policies, schema, { index: false })]
      const text = read('.json')
      const contexts = contextsOf(text)
      for (const [index, wanted] of (JSON.parse(text) as Case).requests.entries()) {
        requests++
        const context = readContext(contexts[index] ?? new Map(), { schema, action: wanted.action })
        for (const engine of engines) {
          const got = outcome(engine.evaluate({ ...wanted, context }, entities))
          if (JSON.stringify(got) !== JSON.stringify(outcomeOf(wanted)))
            differing.push(`${name} ${wanted.description}: ${JSON.stringify(got)}`)
        }
      }
    }
    expect(differing).toEqual([])
    expect({ cases: names.length, requests }).toEqual({ cases: 3957, requests: 31_656 })
  }, 600_000)
})

const outcomeOf = ({ decision, reason, errors }: Case['requests'][number]) => ({
  decision,
  reason: [...reason].sort(),
  errors: [...errors].sort(),
})

const outcome = ({ decision, permits, forbids, errors }: Answer) => ({
  decision,
  reason: [...(decision === 'allow' ? permits : forbids)].sort(),
  errors: errors.map(({ policy }) => policy).sort(),
})

function policiesOf(text: string): { id: string; policy: PolicyJson }[] {
  const parts = policySetTextToParts(withExactLongs(text))
  if (parts.type === 'failure') throw new Error(parts.errors.map(({ message }) => message).join('; '))
  return parts.policies.map((policy, index) => {
    const json = policyToJson(policy)
    if (json.type === 'failure') throw new Error(json.errors.map(({ message }) => message).join('; '))
    return { id: `policy${index}`, policy: json.json as PolicyJson }
  })
}

function schemaOf(text: string): SchemaJson {
  const answer = schemaToJson(text)
  if (answer.type === 'failure') throw new Error(answer.errors.map(({ message }) => message).join('; '))
  return answer.json
}

/** Contexts with their numbers exact. */
function contextsOf(text: string) {
  const json = parseJson(text)
  const requests = json instanceof Map ? json.get('requests') : undefined
  if (!Array.isArray(requests)) throw new Error('no requests')
  return requests.map((request) => (request instanceof Map ? request.get('context') : undefined))
}
