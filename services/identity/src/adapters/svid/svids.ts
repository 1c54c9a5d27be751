/** SVIDs of agents and the trust bundle that verifies them, by the keys of this service. */
import { randomUUID } from 'node:crypto'
import { type Clock, earliest, later } from '@credence/shared/clock'
import * as x509 from '@peculiar/x509'
import type { Keys, PublishedKey, Svids } from '../../api/context.ts'
import { pemOf, svidCertificate } from './certificates.ts'

const SKEW_SECONDS = 60
/** Several looks within the time that a new key is published before it signs. */
const refreshSeconds = (leadSeconds: number) => Math.max(1, Math.min(300, Math.floor(leadSeconds / 4)))

export function createSvids(parts: { keys: Keys; clock: Clock; trustDomain: string }): Svids {
  const { keys, clock, trustDomain } = parts
  const seconds = (time: Date) => Math.floor(time.getTime() / 1000)
  const authorities = () => keys.published('x509-svid')

  return {
    x509: async (agent, until) => {
      const authority = await keys.authority()
      const { notAfter } = new x509.X509Certificate(Buffer.from(authority.certificate))
      // X.509 tells whole seconds.
      const expiresAt = new Date(seconds(earliest(until, notAfter)) * 1000)
      const { certificate, serial } = await svidCertificate(authority, {
        spiffeId: agent.spiffe_id,
        commonName: agent.agent,
        publicJwk: agent.public_jwk,
        notBefore: later(clock(), -SKEW_SECONDS),
        notAfter: expiresAt,
      })
      return { chain: pemOf(certificate), serial, expiresAt }
    },
    jwt: async (agent, audience, until) => {
      const [iat, exp, jti] = [seconds(clock()), seconds(until), randomUUID()]
      const token = await keys.sign('jwt-svid', { typ: 'JWT' }, { sub: agent.spiffe_id, aud: audience, iat, exp, jti })
      return { token, serial: jti, expiresAt: new Date(exp * 1000) }
    },
    authorities: () => pemOf(...authorities().map(({ x5c = [] }) => Buffer.from(x5c[0] ?? '', 'base64'))),
    bundle: () => ({
      trustDomain,
      document: {
        keys: [...authorities().map(x509Entry), ...keys.published('jwt-svid').map(jwtEntry)],
        spiffe_sequence: keys.publishedSince(),
        spiffe_refresh_hint: refreshSeconds(keys.leadSeconds),
      },
    }),
  }
}

/** X509-SVID §6: the certificate says it all; no `kid`. */
const x509Entry = ({ kid, alg, ...key }: PublishedKey) => ({ ...key, use: 'x509-svid' })
/** JWT-SVID §4. */
const jwtEntry = (key: PublishedKey) => ({ ...key, use: 'jwt-svid' })
