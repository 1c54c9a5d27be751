/**
 * The short code that ties the device on which an agent runs to the one at which a person answers (RFC 8628 §6.1): eight
 * letters of an alphabet without vowels, so that it spells nothing and is not misread; 34 bits.
 */
import { randomInt, scrypt } from 'node:crypto'

const ALPHABET = 'BCDFGHJKLMNPQRSTVWXZ'
const LENGTH = 8

/** “WDJB-MJHT” */
export function newCode(): string {
  const letters = Array.from({ length: LENGTH }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join('')
  return `${letters.slice(0, LENGTH / 2)}-${letters.slice(LENGTH / 2)}`
}

/** What somebody typed, without dashes, spaces and case; undefined when it cannot be a code. */
export function readCode(typed: string): string | undefined {
  const letters = typed.toUpperCase().replaceAll(/[\s\p{Pd}]/gu, '')
  const fits = letters.length === LENGTH && [...letters].every((letter) => ALPHABET.includes(letter))
  return fits ? letters : undefined
}

/**
 * Stands for a code in the record. Slow on purpose (scrypt, RFC 7914): 34 bits behind a fast hash would be found within
 * minutes by whoever reads the record.
 * @param letters as `readCode` gives them @param issuer salt, the same for every replica
 * @returns 64 hexadecimal digits
 */
export function digestOfCode(letters: string, issuer: string): Promise<string> {
  return new Promise((resolve, reject) => {
    scrypt(letters, `request code of ${issuer}`, 32, { N: 16_384, r: 8, p: 1 }, (error, key) => {
      if (error) reject(error)
      else resolve(key.toString('hex'))
    })
  })
}
