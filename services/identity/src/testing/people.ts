/** The house with the demo company's identity provider, at which people really sign in, and agents that ask them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RequestDelegationRequest } from '@credence/contracts/gen/credence/identity/v1/identity'
import { Kvm } from '@nats-io/kv'
import type { Passwords } from '../../../../infra/dev/identity-provider/people.ts'
import { startIdentityProvider } from '../../../../infra/dev/identity-provider/start.ts'
import { type Page, type Person, personAt } from '../../../../infra/dev/person.ts'
import { freePorts } from '../../../../infra/dev/ports.ts'
import { registerForSignIn, type SignInProvider } from '../../../../infra/dev/sign-in.ts'
import type { Stack } from '../../../../infra/dev/stack.ts'
import * as facts from '../../../../infra/testing/facts.ts'
import { tlsFetch } from '../../../../packages/sdk/src/tls-fetch.ts'
import { openHouse } from './house.ts'
import { newKey } from './token-client.ts'

export type PeopleHouse = Awaited<ReturnType<typeof openPeopleHouse>>

/** @param others starts more identity providers, and says how Credence is registered there */
export async function openPeopleHouse(others: (stack: Stack) => Promise<SignInProvider[]> = async () => []) {
  let passwords: Passwords = {}
  const house = await openHouse(async (stack) => {
    const [port = 0] = await freePorts(1)
    const acme = { id: 'acme', issuer: `https://localhost:${port}`, display_name: 'Acme' }
    await registerForSignIn(stack.folder, [acme, ...(await others(stack))])
    passwords = (await startIdentityProvider(stack, { issuer: acme.issuer, port })).passwords
  })
  const { stack } = house
  const http = tlsFetch(stack.authority.caFile)
  const at = (path: string) => new URL(path, stack.issuer)

  /** Signs somebody in, from the page that they wanted. */
  async function signIn(person: Person, login: string, path = '/delegations'): Promise<Page> {
    let page = await person.open(at(path))
    if (page.url.pathname === '/sign-in') page = await person.follow(page, 'Acme')
    return person.submit(page, { login, password: passwords[login] ?? '' })
  }

  return {
    ...house,
    fetch: http.fetch,
    passwords,
    at,
    newPerson: () => personAt(http.fetch),
    personWith: personAt,
    signIn,
    /** Somebody who is signed in. */
    signedIn: async (login: string) => {
      const person = personAt(http.fetch)
      const page = await signIn(person, login)
      if (page.status !== 200) throw new Error(`sign-in of ${login}: ${page.status}`)
      const human = /hum_[0-9a-z]{26}/.exec(page.text)?.[0] ?? ''
      return { ...person, human, page }
    },
    /** An active agent that holds nothing. */
    agent: async () => {
      const key = await newKey()
      const { agent } = await house.register(key)
      const { id: agentId = '', spiffeId = '' } = agent ?? {}
      await house.attest(agentId)
      await house.stateOf(agentId, 'ACTIVE')
      const client = house.asAgent(key, spiffeId)
      return {
        agentId,
        spiffeId,
        key,
        client,
        ask: (part: Partial<RequestDelegationRequest> = {}) =>
          client.requestDelegation({
            authorizationDetails: [facts.detail({ actions: ['calendar.book', 'calendar.read'] })],
            statement: 'I would like to book the meetings that you asked for.',
            lifetimeSeconds: 28_800n,
            maximumDepth: 0,
            humanId: '',
            notBefore: [],
            ...part,
          }),
      }
    },
    /** Ends somebody, as the platform that knows of leavers would. */
    deactivate: (human: string) =>
      house.write('IDENTITY', `human/${human}`, {
        type: 'credence.identity.human.deactivated.v1',
        data: { human, reason: 'Left', left_at: new Date().toISOString() },
      }),
    /** Puts words into the store of statements past the API, as identity itself could. */
    storeStatement: async (request: string, text: string) => {
      const bucket = await new Kvm((await house.bus('identity')).js).open('identity_statements')
      await bucket.put(request, JSON.stringify(text))
    },
    /** What identity wrote until now. */
    logs: () => readFileSync(join(stack.folder, 'logs', 'identity.log'), 'utf8'),
    close: async () => {
      await http.close()
      await house.close()
    },
  }
}
