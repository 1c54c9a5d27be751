/**
 * RSA moduli of CVE-2017-15361 (ROCA): some TPMs made primes of one form, so that private keys can be computed from public
 * ones. Such a modulus leaves a power of 65537 as its remainder by every small prime; others do for all of them once in
 * hundreds of millions.
 */
const PRIMES = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
]
const GENERATOR = 65_537

/** Remainders that such a modulus may leave. */
const POWERS = PRIMES.map((prime) => {
  const powers = new Set<number>()
  for (let power = 1; !powers.has(power); power = (power * GENERATOR) % prime) powers.add(power)
  return { prime, powers }
})

/** @param modulus big-endian */
export const isOfWeakPrimes = (modulus: Uint8Array): boolean =>
  POWERS.every(({ prime, powers }) => powers.has(modulus.reduce((rest, byte) => (rest * 256 + byte) % prime, 0)))
