import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { evidenceOf, recorded } from '../../testing/tpm2-quotes/recorded.ts'
import { parseSizedPublicArea } from './public-area.ts'
import { isOfWeakPrimes } from './roca.ts'

/** A number of 2048 bits of the form of such moduli: k·M + (65537^a mod M), M the product of the first primes. */
function weakModulus(): Buffer {
  const primes = Array.from({ length: 400 }, (_, n) => n).filter(
    (n) => n > 1 && Array.from({ length: n - 2 }, (_, d) => d + 2).every((d) => n % d !== 0),
  )
  const product = primes.slice(0, 71).reduce((all, prime) => all * BigInt(prime), 1n)
  let power = 1n
  for (let a = 0; a < 12_345; a++) power = (power * 65_537n) % product
  const random = BigInt(`0x${randomBytes(256).toString('hex')}`) | (1n << 2047n)
  const modulus = random - (random % product) + power
  return Buffer.from(modulus.toString(16).padStart(512, '0'), 'hex')
}

describe('CVE-2017-15361 (ROCA)', () => {
  it('a modulus of weak primes is told', () => {
    for (let times = 0; times < 20; times++) expect(isOfWeakPrimes(weakModulus())).toBe(true)
  })

  it('others are none', () => {
    for (let times = 0; times < 20; times++) {
      const { n = '' } = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
      expect(isOfWeakPrimes(Buffer.from(n, 'base64url'))).toBe(false)
    }
  })

  it('a key with such a modulus is refused', () => {
    const genuine = evidenceOf(recorded('rsa2048-rsassa-sha256')).attestationPublic
    const weak = Buffer.concat([genuine.subarray(0, -256), weakModulus()])
    expect(() => parseSizedPublicArea(genuine)).not.toThrow()
    expect(() => parseSizedPublicArea(weak)).toThrow(expect.objectContaining({ code: 'algorithm_weak' }))
  })
})
