/** One question to the decision point and its answer, whatever protocol carries them. */
import type { Obligation } from '@credence/policies/policies'
import type { Question } from '../domain/decision.ts'

/** `tokenId`: the jti of the access token; empty when the caller has seen none. */
export type Asked = Question & {
  /** Address of the agent's socket, as the enforcement point saw it; empty when it is gone. */
  sourceAddress: string
  requestId: string
  /** Positions like "IDENTITY:1234" that must be seen before it is decided. */
  notBefore: readonly string[]
  receipt: boolean
}

/** Who asks: an enforcement point by its SPIFFE ID, and the address of its socket. */
export type Asker = { id: string; address: string; protocol: 'grpc' | 'stream' | 'authzen' | 'ext_authz' }

export type Answer = {
  outcome: 'allow' | 'deny' | 'ask'
  decision: string
  reasons: { code: string; message: string }[]
  /** "DECISIONS:sequence" */
  position: string
  obligations: Obligation[]
  reliedUntil?: Date
  /** Compact JWS. */
  receipt?: string
  approvalNeeded?: { approver: string; persons: number; withinSeconds: number }
}

/** What an answer relied on: ids of agents, delegations, task and so on, and when the first of them ends by itself. */
export type Relied = { ids: string[]; until: number }

/**
 * @param decided is called at the moment of the decision, before it is recorded: whoever watches what was relied on misses nothing
 * @throws CredenceError `unavailable` when it cannot be decided or recorded: there is no answer then, never an allow
 */
export type Ask = (asked: Asked, asker: Asker, decided?: (relied: Relied) => void) => Promise<Answer>
