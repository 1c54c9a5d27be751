import { hash } from 'node:crypto'

/** SHA-256 (FIPS 180-4) as 64 lower-case hexadecimal digits. */
export const sha256 = (data: string | Uint8Array): string => hash('sha256', data, 'hex')
