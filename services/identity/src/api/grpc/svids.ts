import type { IdentityFact } from '@credence/contracts/events/catalog'
import { actorOf, type Caller } from '@credence/shared/callers/caller'
import type { Barrier } from '@credence/shared/event-store/barrier'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import { decideSvid, MAX_JWT_SVID_SECONDS, MAX_X509_SVID_SECONDS } from '../../domain/svid.ts'
import type { Context, Svids } from '../context.ts'

/** Seconds from 1 to the maximum; 0 stands for the maximum. */
const lifetime = (maximum: number) =>
  z
    .bigint()
    .refine(
      (value) => value >= 0n && value <= BigInt(maximum),
      `must be from 1 to ${maximum} seconds; 0 means ${maximum}`,
    )
    .transform((value) => Number(value) || maximum)

const Audience = z
  .string()
  .min(1, 'must not be empty')
  .max(256, 'must be at most 256 characters')
  .regex(/^[\x21-\x7e]*$/, 'must be printable ASCII without spaces: the SPIFFE ID or URL of the one who verifies')

type Parts = Pick<Context, 'principals' | 'writer' | 'clock'> & { barrier: Barrier; svids: Svids }
type Issued = { serial: string; expiresAt: Date }
type Record = { kind: 'x509' | 'jwt'; audience?: string }

export const svidMethods = ({ principals, writer, clock, barrier, svids }: Parts) => {
  /** Decides on what is current, makes the document, and records it before it is handed out. */
  async function issue<Document extends Issued>(
    caller: Caller,
    seconds: number,
    record: Record,
    make: (agent: Parameters<Svids['x509']>[0], until: Date) => Promise<Document>,
  ): Promise<Document> {
    await barrier()
    const now = clock()
    const id = caller.kind === 'agent' ? caller.agent : ''
    const { agent, expiresAt } = decideSvid(principals.agent(id), principals.agentEnd(id, now), { seconds, now })
    const document = await make(agent, expiresAt)
    const data = { agent: id, ...record, serial: document.serial, expires_at: document.expiresAt.toISOString() }
    const fact: IdentityFact = { type: 'credence.identity.svid.issued.v1', data }
    await writer.record(`credence.identity.svid.${id}`, [fact], { actor: actorOf(caller), now })
    return document
  }

  return {
    issueX509Svid: method({
      allow: ['agent'],
      input: z.object({ lifetimeSeconds: lifetime(MAX_X509_SVID_SECONDS) }),
      handle: async ({ lifetimeSeconds }, caller) => {
        const { chain, expiresAt } = await issue(caller, lifetimeSeconds, { kind: 'x509' }, svids.x509)
        return { certificateChain: chain, expiresAt, bundle: svids.authorities() }
      },
    }),
    issueJwtSvid: method({
      allow: ['agent'],
      input: z.object({ audience: Audience, lifetimeSeconds: lifetime(MAX_JWT_SVID_SECONDS) }),
      handle: async ({ audience, lifetimeSeconds }, caller) => {
        const { token, expiresAt } = await issue(caller, lifetimeSeconds, { kind: 'jwt', audience }, (agent, until) =>
          svids.jwt(agent, audience, until),
        )
        return { token, expiresAt }
      },
    }),
    getTrustBundle: method({
      allow: ['agent', 'human', 'platform', 'sponsor', 'security-operator', 'auditor', 'enforcement-point', 'service'],
      input: z.object({}),
      handle: async () => {
        const { trustDomain, document } = svids.bundle()
        return { trustDomain, bundle: JSON.stringify(document) }
      },
    }),
  }
}
