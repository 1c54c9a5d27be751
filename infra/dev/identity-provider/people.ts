/** The people of the demo company. Passwords are made at first start and kept beside, readable by the owner only. */
import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

export type Person = { login: string; subject: string; name: string; groups: string[]; salt: string; hash: string }
export type Passwords = Record<string, string>

const COMPANY: [login: string, name: string, groups: string[]][] = [
  ['cora', 'Cora Lindqvist', ['marketing']],
  ['milan', 'Milan Okafor', ['marketing', 'credence-sponsors']],
  ['sofia', 'Sofia Reyes', ['credence-security']],
  ['noor', 'Noor Haddad', ['credence-security']],
  ['aiko', 'Aiko Brandt', ['credence-auditors']],
  ['ruth', 'Ruth Adeyemi', ['marketing', 'credence-approvers']],
]

const derive = (password: string, salt: string) => scryptSync(password, Buffer.from(salt, 'hex'), 32)

/** @param file people, with salted hashes @param passwordFile their passwords, for the demo to type */
export function ensurePeople(file: string, passwordFile: string): Passwords {
  const known = existsSync(file) && existsSync(passwordFile)
  const people = known ? readPeople(file) : []
  const passwords: Passwords = known ? JSON.parse(readFileSync(passwordFile, 'utf8')) : {}
  // A folder of an earlier version may not have all of them.
  const missing = COMPANY.filter(([login]) => !people.some((person) => person.login === login))
  if (missing.length === 0) return passwords
  for (const [login, name, groups] of missing) {
    const password = randomBytes(12).toString('base64url')
    const salt = randomBytes(16).toString('hex')
    passwords[login] = password
    const subject = randomBytes(10).toString('hex')
    people.push({ login, subject, name, groups, salt, hash: derive(password, salt).toString('hex') })
  }
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  writeFileSync(file, JSON.stringify(people, null, 2), { mode: 0o600 })
  writeFileSync(passwordFile, JSON.stringify(passwords, null, 2), { mode: 0o600 })
  return passwords
}

export const readPeople = (file: string): Person[] => JSON.parse(readFileSync(file, 'utf8')) as Person[]

export function findPerson(people: Person[], login: string, password: string): Person | undefined {
  const person = people.find((one) => one.login === login)
  const hash = derive(password.slice(0, 200), person?.salt ?? '00')
  return person && timingSafeEqual(hash, Buffer.from(person.hash, 'hex')) ? person : undefined
}
