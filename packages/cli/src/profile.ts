/** Where Credence is, and who is logged in: one profile file, and beside it one file a session (mode 0600). */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { bearer, type Clients, connectCredence } from '@credence/sdk/clients'
import { z } from 'zod'
import { Usage } from './failure.ts'

const Profile = z.strictObject({
  trust_domain: z.string(),
  ca_file: z.string(),
  /** Public listeners, host:port. */
  services: z.strictObject({ identity: z.string(), policy: z.string(), attestation: z.string(), audit: z.string() }),
  identity_provider: z.strictObject({ issuer: z.url(), client_id: z.string(), audience: z.string() }),
})
export type Profile = z.infer<typeof Profile>

const Session = z.strictObject({ access_token: z.string(), expires_at: z.iso.datetime() })
export type Session = z.infer<typeof Session>

export type Located = { profile: Profile; folder: string }

/** `CREDENCE_PROFILE`, else the development stack’s, else `~/.config/credence/profile.json`. */
export function openProfile(): Located {
  const candidates = [
    process.env.CREDENCE_PROFILE,
    resolve('.credence/dev/profile.json'),
    join(homedir(), '.config/credence/profile.json'),
  ]
  const path = candidates.find((candidate) => candidate && existsSync(candidate))
  if (!path) throw new Usage('No profile was found. Run "npm start" first, or set CREDENCE_PROFILE to a profile file.')
  const parsed = Profile.safeParse(JSON.parse(readFileSync(path, 'utf8')))
  if (!parsed.success) throw new Usage(`The profile ${path} is wrong: ${z.prettifyError(parsed.error)}`)
  return { profile: parsed.data, folder: dirname(path) }
}

const sessionFile = ({ folder }: Located, name: string) => {
  if (!/^[a-z0-9-]{1,32}$/.test(name)) throw new Usage('A session name is lower-case letters, digits and dashes.')
  return join(folder, 'sessions', `${name}.json`)
}

export function saveSession(located: Located, name: string, session: Session): void {
  const path = sessionFile(located, name)
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(path, JSON.stringify(session), { mode: 0o600 })
}

/** Clients that speak as the person who logged in under this session name. */
export function connectAs(name: string): Clients {
  const located = openProfile()
  const path = sessionFile(located, name)
  if (!existsSync(path))
    throw new Usage(`Nobody is logged in as session "${name}". Run: credence login --session ${name}`)
  const session = Session.parse(JSON.parse(readFileSync(path, 'utf8')))
  if (new Date(session.expires_at) < new Date())
    throw new Usage(`Session "${name}" has expired. Run: credence login --session ${name}`)
  const { profile } = located
  return connectCredence({
    trustDomain: profile.trust_domain,
    caFile: profile.ca_file,
    addresses: profile.services,
    credential: bearer(session.access_token),
  })
}
