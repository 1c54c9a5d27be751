/** A question to the decision point, as an enforcement point asks it that has nothing more to tell. */
import type { CheckRequest } from '@credence/contracts/gen/credence/policy/v1/policy'

type Named = Pick<CheckRequest, 'agentId' | 'grantId' | 'action' | 'location'> & {
  resource: { type: string; id: string; sensitivity: string; properties?: string }
}

export const checkRequest = (part: Named & Partial<Omit<CheckRequest, 'resource'>>): CheckRequest => ({
  tokenId: 'token-1',
  sourceAddress: '127.0.0.1',
  requestId: '',
  notBefore: [],
  arguments: '',
  supportedObligations: [],
  receipt: false,
  ...part,
  resource: { properties: '', ...part.resource },
})
