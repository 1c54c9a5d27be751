/** The keys of the server itself: what it signed can be bent and signed again. */
import { join } from 'node:path'
import { openSigningKey, type SigningKey } from '@credence/shared/keys'
import type { House } from './house.ts'

export const serverKeyOf = (house: House, name = 'token.ES256.000001'): Promise<SigningKey> =>
  openSigningKey(
    join(house.stack.folder, 'keys', 'identity', name.startsWith('token') ? 'issuer.pem' : 'jwt-svid.pem'),
    'P-256',
  )
