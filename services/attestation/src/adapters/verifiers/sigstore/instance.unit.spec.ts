/** A private Sigstore instance: own authority, own transparency log, no network. */
import { beforeAll, describe, expect, it } from 'vitest'
import { openSigstoreInstance, type SignWishes } from '../../../../../../infra/testing/sigstore-instance.ts'
import { readBundle } from './bundle.ts'
import { verifyDsse } from './dsse.ts'

const NOW = new Date()
const YEAR_AGO = new Date(NOW.getTime() - 365 * 86_400_000)
const LONG_AGO = new Date(YEAR_AGO.getTime() - 86_400_000)
const later = (minutes: number) => new Date(YEAR_AGO.getTime() + minutes * 60_000)
const SAN = 'builder@acme.example'
const NAMES = [{ type: 'email' as const, value: SAN }]

type Instance = Awaited<ReturnType<typeof openSigstoreInstance>>
let own: Instance
let other: Instance
beforeAll(async () => {
  own = await openSigstoreInstance(LONG_AGO)
  other = await openSigstoreInstance(LONG_AGO)
})

async function outcome(wishes: Partial<SignWishes>, trusted_root = own.trustedRoot, san = SAN) {
  const bundle = readBundle(await own.sign('{"built":true}', { at: YEAR_AGO, names: NAMES, ...wishes }))
  if ('refused' in bundle) return bundle
  const material = { type: 'sigstore' as const, trusted_root, identities: [{ san }] }
  return verifyDsse(bundle, [{ anchor: 'anc_own', material }], NOW)
}

describe('a signature that a private Sigstore instance saw', () => {
  it('counts long after its certificate expired, for the log says when it was made', async () => {
    expect(await outcome({})).toMatchObject({ signer: 'anc_own' })
    expect(await outcome({ at: later(9), certifiedAt: YEAR_AGO })).toMatchObject({ signer: 'anc_own' })
  })

  it('does not count when it was made after the certificate had ended, or before it began', async () => {
    expect(await outcome({ at: later(11), certifiedAt: YEAR_AGO })).toEqual({ refused: 'chain_untrusted' })
    expect(await outcome({ at: later(-1), certifiedAt: YEAR_AGO })).toEqual({ refused: 'chain_untrusted' })
  })

  it('does not count at another instance, with its authority or with its log', async () => {
    expect(await outcome({}, other.trustedRoot)).toEqual({ refused: 'chain_untrusted' })
    const mixed = { ...JSON.parse(own.trustedRoot), tlogs: JSON.parse(other.trustedRoot).tlogs }
    expect(await outcome({}, JSON.stringify(mixed))).toEqual({ refused: 'log_entry_invalid' })
  })

  it('does not count for somebody else, nor with a certificate that is not for signing', async () => {
    expect(await outcome({}, own.trustedRoot, 'other@acme.example')).toEqual({ refused: 'signer_identity_unknown' })
    expect(await outcome({ certificate: { extendedUsages: [] } })).toEqual({ refused: 'key_usage_wrong' })
    expect(await outcome({ algorithm: 'RSA-1024' })).toEqual({ refused: 'algorithm_weak' })
  })

  it.each(['P-384', 'P-521', 'RSA-2048'] as const)(
    'may be made with %s, the hash following the key',
    async (algorithm) => {
      expect(await outcome({ algorithm })).toMatchObject({ signer: 'anc_own' })
    },
  )
})
