/** The keys of the server itself: what it signed can be bent and signed again. */
import { join } from 'node:path'
import { openSigningKey, type SigningKey } from '@credence/shared/keys'
import type { House } from './house.ts'

const FILES = { token: 'issuer.pem', 'jwt-svid': 'jwt-svid.pem' }

export const serverKeyOf = (house: House, use: keyof typeof FILES = 'token'): Promise<SigningKey> =>
  openSigningKey(join(house.stack.folder, 'keys', 'identity', FILES[use]), 'P-256')
