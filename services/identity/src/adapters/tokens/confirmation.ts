/** The claim `cnf` (RFC 7800 §3.1): by a key (RFC 9449 §6.1) or by a certificate (RFC 8705 §3.1), never by both. */
import { z } from 'zod'

export const Confirmation = z.union([z.strictObject({ jkt: z.string() }), z.strictObject({ 'x5t#S256': z.string() })])
