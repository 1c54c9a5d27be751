/** Starts the demo company’s identity provider in its own process. */
import { join } from 'node:path'
import { tlsFetch } from '@credence/sdk/tls-fetch'
import { signInFolder } from '../sign-in.ts'
import type { Stack } from '../stack.ts'
import { ensurePeople, type Passwords } from './people.ts'

/** @returns when it answers, with everybody’s password */
export async function startIdentityProvider(
  stack: Stack,
  at: { issuer: string; port: number },
): Promise<{ passwords: Passwords }> {
  const { folder } = stack
  const peopleFile = join(folder, 'people.json')
  const passwords = ensurePeople(peopleFile, join(folder, 'passwords.json'))
  const tls = await stack.workload('idp')
  stack.spawn('identity-provider', 'infra/dev/identity-provider/main.ts', {
    DEMO_IDP_LISTEN: `127.0.0.1:${at.port}`,
    DEMO_IDP_ISSUER: at.issuer,
    DEMO_IDP_AUDIENCE: stack.apiAudience,
    DEMO_IDP_PEOPLE_FILE: peopleFile,
    DEMO_IDP_CREDENCE_REDIRECT_URI: `${stack.issuer}/signed-in/acme`,
    DEMO_IDP_CREDENCE_JWKS_FILE: join(signInFolder(folder), 'jwks.json'),
    DEMO_IDP_TLS_CERT_FILE: tls.certFile,
    DEMO_IDP_TLS_KEY_FILE: tls.keyFile,
  })
  const http = tlsFetch(stack.authority.caFile)
  await answering(`${at.issuer}/.well-known/openid-configuration`, http.fetch)
  await http.close()
  return { passwords }
}

export async function answering(url: string, fetching: typeof fetch): Promise<void> {
  const deadline = Date.now() + 20_000
  for (;;) {
    const ok = await fetching(url).then(
      (response) => response.ok,
      () => false,
    )
    if (ok) return
    if (Date.now() > deadline) throw new Error(`${url} does not answer; see its log`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
