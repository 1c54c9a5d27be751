/** Profiles, reference values, trust anchors and measurements by the command line itself, on a real attestation service. */
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readTools, toolManifestDigest } from '@credence/contracts/attestation/tools'
import { sha256 } from '@credence/shared/digest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { credence as runCredence } from '../../../../infra/testing/credence.ts'
import { BLUEPRINT, COMPOSITION, type House, openHouse } from '../../../../services/attestation/src/testing/house.ts'

const NOTHING = '127.0.0.1:1'
const TOOLS = JSON.stringify({
  tools: [{ name: 'calendar.read', description: 'Reads', inputSchema: { type: 'object' } }],
})

let house: House
let folder: string
beforeAll(async () => {
  house = await openHouse()
  await house.blueprint(BLUEPRINT)
  const { stack } = house
  folder = stack.folder
  const profile = {
    trust_domain: stack.trustDomain,
    ca_file: stack.authority.caFile,
    services: {
      identity: NOTHING,
      policy: NOTHING,
      audit: NOTHING,
      attestation: `localhost:${stack.ports.attestationPublic}`,
    },
    identity_provider: { issuer: stack.idpIssuer, client_id: 'credence-cli', audience: stack.apiAudience },
  }
  const expires_at = new Date(Date.now() + 3_600_000).toISOString()
  file('profile.json', JSON.stringify(profile))
  for (const [session, group] of [
    ['security', 'credence-security'],
    ['auditor', 'credence-auditors'],
  ] as const) {
    const access_token = await house.token(session, group)
    file(`sessions/${session}.json`, JSON.stringify({ access_token, expires_at }))
  }
}, 120_000)
afterAll(() => house?.close(), 60_000)

const file = (name: string, content: string): string => {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
const credence = (...args: string[]) => runCredence(join(folder, 'profile.json'), ...args)
/** On a busy machine each run of the command takes seconds. */
const PATIENCE_MS = 240_000
/** What it wrote, when it ended well. */
const out = async (...args: string[]): Promise<string> => {
  const { out: written, error, code } = await credence(...args)
  expect(`${code} ${error}`).toBe('0 ')
  return written
}
const idIn = (text: string): string => /(ref|anc)_[0-9a-z]{26}/.exec(text)?.[0] ?? `no id in ${text}`

describe('credence profile', () => {
  const rule = { all_of: [{ kind: 'software' }, { kind: 'model-signing', grade: 'files', maximum_age_seconds: 600 }] }
  const strict = {
    blueprint: BLUEPRINT,
    rule,
    worst_acceptable_status: 'warning',
    maximum_age_seconds: 43_200,
    sensitivities: [{ sensitivity: 'confidential', worst_acceptable_status: 'affirming', maximum_age_seconds: 300 }],
  }

  it(
    'is defined from a file, tried on the running agents, activated, and shown',
    async () => {
      const worker = await house.agent()
      const { accepted } = await worker.attest()
      expect(accepted).toBe(true)
      const defined = await out('profile', 'define', file('strict.json', JSON.stringify(strict)))
      expect(defined).toContain('Version 2 of meeting-scheduler. It does not count yet.\n')
      expect(defined).toContain('credence profile preview meeting-scheduler 2\n')
      expect(await out('profile', 'show', BLUEPRINT)).toMatch(/^meeting-scheduler version 1 \(active\)/)

      const preview = await credence('profile', 'preview', BLUEPRINT, '2')
      expect(preview.code).toBe(1)
      expect(preview.out).toContain('1 of 1 running agents would fail:\nagent')
      expect(preview.out).toMatch(new RegExp(`${worker.agentId}  .*model-signing/missing`))
      expect((await credence('profile', 'preview', BLUEPRINT, '1')).out).toBe('0 of 1 running agents would fail.\n')

      expect(await out('profile', 'activate', BLUEPRINT, '2')).toMatch(
        /^Version 2 of meeting-scheduler counts from ATT/,
      )
      expect(await out('profile', 'show', BLUEPRINT)).toBe(
        [
          'meeting-scheduler version 2 (active): at worst warning; counts for 12 h',
          '  all of',
          '    software',
          '    model-signing, grade files, at most 10 min old',
          'for confidential resources and above: at worst affirming; counts for 5 min',
          '',
        ].join('\n'),
      )
      const again = JSON.parse(await out('profile', 'show', BLUEPRINT, '--json'))
      expect(again).toEqual(strict)
      expect(await out('profile', 'list', BLUEPRINT)).toMatch(/^version .*\n2 +active +12 h.*\n1 +1 h/)
      expect(await out('profile', 'activate', BLUEPRINT, '1')).toMatch(/^Version 1/)
    },
    PATIENCE_MS,
  )

  it(
    'says of each member of a file that is wrong what it must be',
    async () => {
      const wrong = { ...strict, maximum_age_seconds: 0, rule: { kind: 'model-signing', grade: 'best' } }
      const { error, code } = await credence('profile', 'define', file('wrong.json', JSON.stringify(wrong)))
      expect(code).toBe(2)
      expect(error).toMatch(/wrong\.json is no profile:/)
      expect(error).toMatch(/at maximum_age_seconds/)
      expect((await credence('profile', 'define', join(folder, 'nowhere.json'))).error).toMatch(
        /cannot be read as JSON/,
      )
      expect((await credence('profile', 'preview', BLUEPRINT, 'two')).error).toMatch(/is no version/)
      expect((await credence('profile', 'show', BLUEPRINT, '99')).error).toMatch(/There is no version 99/)
    },
    PATIENCE_MS,
  )
})

describe('credence reference', () => {
  it(
    'approves each type, lists them, and withdraws: agents that run on it are told of',
    async () => {
      const tools = file('tools.json', TOOLS)
      const parts = [
        '--program',
        file('agent.mjs', 'program'),
        '--prompt',
        file('prompt.md', 'prompt'),
        '--tools',
        tools,
      ]
      file('model/weights.gguf', 'weights')
      const model = ['--model', join(folder, 'model')]
      const label = ['--label', 'Second']
      const composition = idIn(
        await out('reference', 'approve', 'composition', BLUEPRINT, ...parts, ...model, ...label),
      )
      const image = idIn(
        await out('reference', 'approve', 'image', BLUEPRINT, '--digest', `sha256:${'5'.repeat(64)}`, ...label),
      )
      const signed = idIn(
        await out('reference', 'approve', 'model', BLUEPRINT, '--model-digest', '6'.repeat(64), ...label),
      )
      const values = file('pcrs.json', JSON.stringify({ 0: '7'.repeat(64), 7: '8'.repeat(64) }))
      const pcrs = idIn(await out('reference', 'approve', 'pcrs', BLUEPRINT, '--values', values, ...label))

      const list = JSON.parse(await out('reference', 'list', BLUEPRINT, '--json'))
      const approved = list.find(({ id }: { id: string }) => id === composition)
      expect(approved.value.value).toEqual({
        program: sha256('program'),
        prompt: sha256('prompt'),
        toolManifest: toolManifestDigest(readTools(Buffer.from(TOOLS)).value ?? []),
        model: sha256(JSON.stringify([{ digest: sha256('weights'), name: 'weights.gguf' }])),
      })
      const table = await out('reference', 'list')
      for (const row of [
        `${composition}  ${BLUEPRINT}  composition  program ${sha256('program').slice(0, 12)}`,
        `${image}  ${BLUEPRINT}  image        sha256:555555555555`,
        `${signed}  ${BLUEPRINT}  model        statement 666666666666`,
        `${pcrs}  ${BLUEPRINT}  pcrs         sha256 of PCR 0 7`,
      ])
        expect(table).toContain(row)

      const first = list.find(({ label: name }: { label: string }) => name === 'First').id
      const worker = await house.agent()
      await worker.attest()
      expect(await out('reference', 'withdraw', image, '--reason', 'Unused')).toBe(
        'Withdrawn. No running agent rests on it.\n',
      )
      expect(await out('reference', 'withdraw', first, '--reason', 'Replaced')).toMatch(
        /^Withdrawn\. \d+ running agents? rests? on it: refused from the next call on, and quarantined\.\n$/,
      )
      expect(await out('reference', 'list', BLUEPRINT)).not.toContain(first)
      expect(await out('reference', 'list', BLUEPRINT, '--withdrawn')).toMatch(new RegExp(`${first}.*withdrawn by`))
    },
    PATIENCE_MS,
  )

  it(
    'names what is missing or wrong',
    async () => {
      const error = async (...args: string[]) => {
        const { error: said, code } = await credence('reference', 'approve', ...args, '--label', 'X')
        return `${code} ${said}`
      }
      expect(await error('image', BLUEPRINT, '--digest', 'latest')).toMatch(/^2 --digest must be 64/)
      expect(await error('pcrs', BLUEPRINT, '--values', file('p.json', '{"99":"ff"}'))).toMatch(/^2 .*must be like/)
      expect(await error('model', BLUEPRINT)).toMatch(/^2 Name the signed model/)
      const { code, error: denied } = await credence(
        ...['--session', 'auditor', 'reference', 'withdraw', 'ref_01h455vb4pex5vsknk084sn02q', '--reason', 'x'],
      )
      expect([code, denied]).toEqual([3, expect.stringContaining('role')])
    },
    PATIENCE_MS,
  )
})

describe('credence anchor', () => {
  it(
    'approves each type from its files, lists and withdraws',
    async () => {
      const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const pem = file('builder.pem', publicKey.export({ type: 'spki', format: 'pem' }) as string)
      const label = ['--label', 'Builder']
      const key = idIn(
        await out('anchor', 'approve', 'public-key', pem, '--kinds', 'agent-manifest', 'model-signing', ...label),
      )
      const listed = idIn(
        await out('anchor', 'approve', 'tpm-endorsement-key', '9'.repeat(64), ...label, '--blueprints', BLUEPRINT),
      )
      const authority = idIn(
        await out(
          ...['anchor', 'approve', 'certificate-authority', house.stack.authority.caFile, '--kinds', 'container-image'],
          ...['--identity', 'https://ci.example/build', ...label],
        ),
      )
      const list = await out('anchor', 'list')
      for (const row of [
        `${key}  public-key             agent-manifest model-signing  all                Builder`,
        `${listed}  tpm-endorsement-key    tpm2-quote                    meeting-scheduler  Builder`,
        `${authority}  certificate-authority  container-image               all                Builder`,
      ])
        expect(list).toContain(row)
      const all = JSON.parse(await out('anchor', 'list', '--json'))
      expect(all.find(({ id }: { id: string }) => id === key).material.value.pem).toBe(readFileSync(pem, 'utf8'))
      expect(await out('anchor', 'withdraw', key, '--reason', 'Key lost')).toBe(
        'Withdrawn. No running agent rests on it.\n',
      )
      expect(await out('anchor', 'list')).not.toContain(key)
    },
    PATIENCE_MS,
  )

  it(
    'says what it cannot vouch for',
    async () => {
      const wrong = ['--kinds', 'tpm2-quote', '--label', 'X']
      const { error, code } = await credence('anchor', 'approve', 'public-key', file('x.pem', 'x'), ...wrong)
      expect([code, error]).toEqual([2, expect.stringContaining('a public-key does not vouch for it')])
      expect(
        (await credence('anchor', 'approve', 'tpm-manufacturer', join(folder, 'none'), '--label', 'X')).error,
      ).toMatch(/none cannot be read/)
    },
    PATIENCE_MS,
  )
})

describe('credence measurement', () => {
  it(
    'measures files and folders as an attester does, without a server',
    async () => {
      const weights = file('weights/a.gguf', 'weights')
      const { out: measured } = await runCredence('/nowhere', 'measurement', 'of', weights, dirname(weights))
      const list = sha256(JSON.stringify([{ digest: sha256('weights'), name: 'a.gguf' }]))
      expect(measured).toBe(`${sha256('weights')}  ${weights}\n${list}  ${dirname(weights)}\n`)
      const tools = await runCredence('/nowhere', 'measurement', 'of', '--tools', file('tools.json', TOOLS))
      expect(tools.out).toMatch(/^[0-9a-f]{64} {2}.*tools\.json\n {2}[0-9a-f]{64} {2}calendar\.read of local\n$/)
      expect(await runCredence('/nowhere', 'measurement', 'of', join(folder, 'none'))).toMatchObject({ code: 2 })
    },
    PATIENCE_MS,
  )

  it(
    'blocks a digest, which agents run on it, and unblocks it',
    async () => {
      const { model } = COMPOSITION
      expect(await out('measurement', 'block', model, '--reason', 'Poisoned')).toMatch(/^Blocked\. /)
      expect(await out('measurement', 'list')).toMatch(new RegExp(`${model}  hum_\\S+ +Poisoned`))
      expect(await out('measurement', 'unblock', model, '--reason', 'It was another')).toBe('No longer blocked.\n')
      expect(await out('measurement', 'list')).toBe('Nothing is blocked.\n')
      expect((await credence('measurement', 'block', 'ff', '--reason', 'x')).code).toBe(2)
    },
    PATIENCE_MS,
  )
})

describe('credence attestation show', () => {
  it(
    'says what an agent showed, what came of it, and why',
    async () => {
      const worker = await house.agent()
      const { resultId } = await worker.attest({ ...COMPOSITION, model: 'e'.repeat(64) })
      const shown = await out('attestation', 'show', worker.agentId)
      expect(shown).toContain(`${resultId}: contraindicated, refused: the agent gets nothing on it\n`)
      expect(shown).toMatch(/because +.*software\/model_unknown/)
      expect(shown).toMatch(/evidence +status +measured +because\nsoftware +contraindicated/)
      expect(shown).toContain('file-system 96 (contraindicated), by software')
      const json = JSON.parse(await out('attestation', 'show', worker.agentId, '--json'))
      expect(json).toMatchObject({ resultId, accepted: false })
    },
    PATIENCE_MS,
  )
})
