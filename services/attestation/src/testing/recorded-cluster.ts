/** What a real API server gave and answered (infra/interop/kubernetes/record.ts), and the moment at which it did. */
import { readFileSync } from 'node:fs'
import type { Anchor } from '@credence/contracts/attestation/trust'
import { newId } from '@credence/shared/ids'

type Recorded = {
  kubernetes: string
  recorded_at: string
  issuer: string
  audience: string
  binding: string
  keys: object
  tokens: Record<
    | 'projected'
    | 'bound_to_challenge'
    | 'for_others'
    | 'for_others_too'
    | 'for_two_days'
    | 'for_a_year'
    | 'bound_to_nothing'
    | 'bound_to_node'
    | 'bound_to_secret',
    string
  >
  reviews: Record<
    'projected' | 'for_others' | 'bound_to_node' | 'pod_just_gone' | 'pod_gone' | 'pod_replaced',
    { status: object }
  >
  /** Of another cluster, whose key is an EC key. */
  elliptic: { token: string; keys: object }
  pods: Record<'running' | 'ended' | 'gone' | 'replaced', { status: number; body: RecordedPod }>
}
export type RecordedPod = { metadata: { uid: string }; spec: object; status: object }

const FILE = new URL('../../../../infra/interop/kubernetes/recorded.json', import.meta.url)

export const recorded: Recorded = JSON.parse(readFileSync(FILE, 'utf8'))

/** The recording took some seconds, so that every token was valid by its end. */
export const RECORDED_AT = new Date(recorded.recorded_at)

export const anchorOf = ({ issuer, audience, keys }: Pick<Recorded, 'issuer' | 'audience' | 'keys'>): Anchor => ({
  anchor: newId('anc'),
  label: 'recorded cluster',
  kinds: ['kubernetes-sat'],
  blueprints: [],
  material: { type: 'kubernetes-cluster', issuer, audience, jwks: JSON.stringify(keys) },
})
