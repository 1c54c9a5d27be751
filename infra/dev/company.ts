/** The demo company around the stack: its identity provider, its two resources, its people. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { logIn } from '@credence/cli/login'
import { type Profile, saveSession } from '@credence/cli/profile'
import { bearer, type Clients, connectCredence } from '@credence/sdk/clients'
import { tlsFetch } from '@credence/sdk/tls-fetch'
import { answering, startIdentityProvider } from './identity-provider/start.ts'
import { type Page, personAt, wordsOf } from './person.ts'
import type { Stack } from './stack.ts'

export type Company = {
  profile: Profile
  calendar: string
  customers: string
  /** Logs a person in at the identity provider, in a real form, and connects as them. */
  logIn(login: string, session: string): Promise<Clients>
  /** Signs a person in on Credence’s pages, types the code of a request there, and approves. @returns the question’s heading */
  approve(login: string, request: { userCode: string; verificationUri: string }): Promise<string>
}

/** Starts the identity provider and the two resources, and waits until they answer. */
export async function openCompany(stack: Stack): Promise<Company> {
  const { folder, ports, authority, trustDomain } = stack
  const { passwords } = await startIdentityProvider(stack, { issuer: stack.idpIssuer, port: ports.idp })
  const calendar = await startResource(stack, 'calendar')
  const customers = await startResource(stack, 'customers')
  const http = tlsFetch(authority.caFile)
  await Promise.all([
    answering(`${calendar}/.well-known/oauth-protected-resource`, http.fetch),
    answering(`${customers}/.well-known/oauth-protected-resource`, http.fetch),
  ])

  const profile: Profile = {
    trust_domain: trustDomain,
    ca_file: authority.caFile,
    services: {
      identity: `localhost:${ports.identityPublic}`,
      policy: `localhost:${ports.policyPublic}`,
      attestation: `localhost:${ports.attestationPublic}`,
      audit: `localhost:${ports.auditPublic}`,
    },
    identity_provider: { issuer: stack.idpIssuer, client_id: 'credence-cli', audience: stack.apiAudience },
  }
  writeFileSync(join(folder, 'profile.json'), JSON.stringify(profile, null, 2))

  const credentials = (login: string) => ({ login, password: passwords[login] ?? '' })
  return {
    profile,
    calendar,
    customers,
    logIn: async (login, session) => {
      const found = await logIn(profile, async (url) => {
        const person = personAt(http.fetch)
        await person.submit(await person.open(url), credentials(login))
      })
      saveSession({ profile, folder }, session, found)
      return connectCredence({
        trustDomain,
        caFile: authority.caFile,
        addresses: profile.services,
        credential: bearer(found.access_token),
      })
    },
    approve: async (login, { userCode, verificationUri }) => {
      const person = personAt(http.fetch)
      const signIn = await person.open(verificationUri)
      const page = await person.submit(signIn, credentials(login))
      const question = await person.submit(page, { code: userCode }, 'Show the request')
      const answered = await person.submit(question, {}, 'Approve')
      if (answered.status !== 200) throw new Error(`the page answered ${answered.status}: ${wordsOf(answered)}`)
      return headingOf(question)
    },
  }
}

const headingOf = (page: Page): string => wordsOf({ text: /<h1\b[^>]*>([\s\S]*?)<\/h1>/.exec(page.text)?.[1] ?? '' })

async function startResource(stack: Stack, name: 'calendar' | 'customers'): Promise<string> {
  const { ports, folder } = stack
  const audience = `https://localhost:${ports[name]}`
  const tls = await stack.workload(`enforcement-point/${name}`)
  stack.spawn(name, 'infra/demo/resource.ts', {
    DEMO_RESOURCE: name,
    DEMO_LISTEN: `127.0.0.1:${ports[name]}`,
    DEMO_AUDIENCE: audience,
    DEMO_DATA_DIR: join(folder, 'resources'),
    CREDENCE_TRUST_DOMAIN: stack.trustDomain,
    CREDENCE_ISSUER: stack.issuer,
    CREDENCE_POLICY_GRPC: `localhost:${ports.policyMesh}`,
    CREDENCE_AUDIT_GRPC: `localhost:${ports.auditMesh}`,
    CREDENCE_TLS_CA_FILE: tls.caFile,
    CREDENCE_TLS_CERT_FILE: tls.certFile,
    CREDENCE_TLS_KEY_FILE: tls.keyFile,
  })
  return audience
}
