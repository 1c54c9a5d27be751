/** The command line itself: a version by two people on a real policy service, and test cases without any service. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { credence } from '../../../../infra/testing/credence.ts'
import { openPeopleHouse, type PeopleHouse } from '../../../../services/policy/src/testing/people.ts'

const DEVELOPMENT = fileURLToPath(new URL('../../../../infra/dev', import.meta.url))
const NOTHING = '127.0.0.1:1'
const folder = mkdtempSync(join(tmpdir(), 'credence-cli-policy-'))
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('credence policy test', () => {
  const test = (of: string) => credence('/nowhere', 'policy', 'test', of)
  const some = (name: string, files: Record<string, unknown>): string => {
    mkdirSync(join(folder, name), { recursive: true })
    for (const [path, content] of Object.entries(files))
      file(join(name, path), typeof content === 'string' ? content : JSON.stringify(content))
    return join(folder, name)
  }
  const policies =
    '@id("all") permit(principal, action, resource);\n@id("no-mail") forbid(principal, action == Action::"mail.send", resource);'
  const cases = [{ name: 'anything', want: { outcome: 'allow', policies: ['all'] } }]

  it('passes the cases of the development stack', async () => {
    const { out, code } = await test(DEVELOPMENT)
    expect(out).toMatch(/pass {2}customers are listed\n8 passed, 0 failed; version [0-9a-f]{64}\n$/)
    expect(code).toBe(0)
  })
  it('says of each case that fails what was wanted and what came, and ends with 1', async () => {
    const wrong = { name: 'mail', given: { action: 'mail.send' }, want: { outcome: 'allow', policies: ['all'] } }
    const { out, code } = await test(
      some('fails', { 'policies.cedar': policies, 'a.cases.json': { cases }, 'b.cases.json': { cases: [wrong] } }),
    )
    expect(out).toBe(
      [
        'a.cases.json',
        '  pass  anything',
        'b.cases.json',
        '  FAIL  mail',
        '        outcome: wanted allow, got deny (by no-mail; policy_forbids)',
        '        policies: wanted all, got no-mail',
        expect.stringMatching(/^1 passed, 1 failed; version /),
        '',
      ]
        .map((line) => (typeof line === 'string' ? line : out.split('\n').at(-2)))
        .join('\n'),
    )
    expect(code).toBe(1)
  })
  it('runs no case of policies that do not pass the checks', async () => {
    const { out, code } = await test(
      some('broken', {
        'policies.cedar': `${policies}\n@id("x") permit(principal, action, resource) when { 1 };`,
        'a.cases.json': { cases },
      }),
    )
    expect(out).toMatch(/^error {2}type {2}x: /)
    expect(out).toMatch(/The policies do not pass the checks\.\n$/)
    expect(code).toBe(1)
  })
  it('decides on a platform’s own resources, with exact numbers', async () => {
    const schema = 'entity Invoice = { pages: Long };'
    const large =
      '@id("all") permit(principal, action, resource is Invoice) when { resource.pages == 9007199254740993 };'
    const resource = (properties: unknown) => ({ resource: { type: 'Invoice', properties } })
    const { out, code } = await test(
      some('exact', {
        'policies.cedar': large,
        'schema.cedarschema': schema,
        'a.cases.json': {
          cases: [
            { name: 'text', given: resource('{"pages":9007199254740993}'), want: { outcome: 'allow' } },
            { name: 'small', given: resource({ pages: 3 }), want: { outcome: 'deny', reasons: ['policy_no_permit'] } },
            {
              name: 'misfit',
              given: resource({ pages: '3' }),
              want: { outcome: 'deny', reasons: ['properties_misfit'] },
            },
          ],
        },
      }),
    )
    expect(out).toMatch(/3 passed, 0 failed/)
    expect(code).toBe(0)
  })
  it('names the file that is missing or wrong, and ends with 2', async () => {
    const answers = [
      await test(some('empty', {})),
      await test(some('no-cases', { 'policies.cedar': policies })),
      await test(some('no-json', { 'policies.cedar': policies, 'a.cases.json': '{' })),
      await test(
        some('odd', {
          'policies.cedar': policies,
          'a.cases.json': { cases: [{ name: 'x', want: { outcome: 'yes' } }] },
        }),
      ),
    ]
    expect(answers.map(({ code }) => code)).toEqual([2, 2, 2, 2])
    const errors = answers.map(({ error }) => error)
    expect(errors[0]).toMatch(/policies\.cedar is not there/)
    expect(errors[1]).toMatch(/holds no cases/)
    expect(errors[2]).toMatch(/a\.cases\.json cannot be read as JSON/)
    expect(errors[3]).toMatch(/a\.cases\.json: cases\.0\.want\.outcome/)
  })
})

describe('credence policy', () => {
  let house: PeopleHouse
  let profile: string
  beforeAll(async () => {
    house = await openPeopleHouse()
    const { stack } = house
    profile = join(stack.folder, 'profile.json')
    const services = { identity: NOTHING, attestation: NOTHING, audit: NOTHING }
    writeFileSync(
      profile,
      JSON.stringify({
        trust_domain: stack.trustDomain,
        ca_file: stack.authority.caFile,
        services: { ...services, policy: `localhost:${stack.ports.policyPublic}` },
        identity_provider: { issuer: stack.idpIssuer, client_id: 'credence-cli', audience: stack.apiAudience },
      }),
    )
    mkdirSync(join(stack.folder, 'sessions'), { recursive: true })
    const expires_at = new Date(Date.now() + 3_600_000).toISOString()
    for (const session of ['security', 'reviewer']) {
      const { token: access_token } = await house.person(session, 'credence-security')
      writeFileSync(join(stack.folder, 'sessions', `${session}.json`), JSON.stringify({ access_token, expires_at }))
    }
  }, 120_000)
  afterAll(() => house?.close(), 60_000)
  const policy = (...args: string[]) => credence(profile, 'policy', ...args)

  it('walks from a file to the active version by two people, and shows what it did', async () => {
    const first = file('one.cedar', '@id("a") permit(principal, action, resource);')
    const second = file(
      'two.cedar',
      '@id("a") permit(principal, action, resource);\n@id("b") forbid(principal, action, resource);',
    )
    const versions: string[] = []
    for (const name of [first, second]) {
      const { out } = await policy('draft', name, '--comment', `From ${name}`)
      const version = out.trim()
      expect(version).toMatch(/^[0-9a-f]{64}$/)
      versions.push(version)
      expect(await policy('validate', version)).toMatchObject({
        code: 0,
        out: expect.stringMatching(/Valid: \d policies\.\n$/),
      })
    }
    const [one = '', two = ''] = versions
    expect(await credence(profile, '--session', 'security', 'policy', 'sign-off', one)).toMatchObject({
      code: 3,
      error: expect.stringContaining('second_person_needed'),
    })
    expect((await policy('sign-off', one, '--comment', 'Read')).out).toBe('Signed off.\n')
    expect((await policy('activate', one)).out).toBe('Active.\n')
    expect((await policy('report', two)).out).toMatch(/^In report-only/)
    expect((await policy('list')).out).toMatch(new RegExp(`^${two}  report-only .*\n${one}  active       signed off`))
    expect((await policy('show')).out).toContain('@id("a") permit(principal, action, resource);')
    expect((await policy('show', one, '--schema')).out).toContain('entity Agent in [Blueprint]')
    expect((await policy('diff', one, two)).out).toBe('added b\n  + @id("b") forbid(principal, action, resource);\n')
    expect((await policy('report', two, '--stop')).out).toMatch(/^No longer/)
    expect((await policy('retire', two)).out).toBe('Retired.\n')
    expect((await policy('activate', two)).code).toBe(1)
  }, 300_000)

  it('prints findings, and ends with 1 when a draft is not valid', async () => {
    const { out: drafted } = await policy('draft', file('bad.cedar', '@id("a") permit(principal, action'))
    const { out, code } = await policy('validate', drafted.trim())
    expect(out).toMatch(/^error {2}syntax {2}line 1: /)
    expect(code).toBe(1)
  })
})
