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
  ['aiko', 'Aiko Brandt', ['credence-auditors']],
  ['ruth', 'Ruth Adeyemi', ['marketing', 'credence-approvers']],
]

const derive = (password: string, salt: string) => scryptSync(password, Buffer.from(salt, 'hex'), 32)

/** @param file people, with salted hashes @param passwordFile their passwords, for the demo to type */
export function ensurePeople(file: string, passwordFile: string): Passwords {
  if (!existsSync(file) || !existsSync(passwordFile)) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    const passwords: Passwords = {}
    const people: Person[] = COMPANY.map(([login, name, groups]) => {
      const password = randomBytes(12).toString('base64url')
      const salt = randomBytes(16).toString('hex')
      passwords[login] = password
      const subject = randomBytes(10).toString('hex')
      return { login, subject, name, groups, salt, hash: derive(password, salt).toString('hex') }
    })
    writeFileSync(file, JSON.stringify(people, null, 2), { mode: 0o600 })
    writeFileSync(passwordFile, JSON.stringify(passwords, null, 2), { mode: 0o600 })
  }
  return JSON.parse(readFileSync(passwordFile, 'utf8')) as Passwords
}

export const readPeople = (file: string): Person[] => JSON.parse(readFileSync(file, 'utf8')) as Person[]

export function findPerson(people: Person[], login: string, password: string): Person | undefined {
  const person = people.find((one) => one.login === login)
  const hash = derive(password.slice(0, 200), person?.salt ?? '00')
  return person && timingSafeEqual(hash, Buffer.from(person.hash, 'hex')) ? person : undefined
}
