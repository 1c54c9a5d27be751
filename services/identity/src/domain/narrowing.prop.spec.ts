import { type AuthorizationDetail, intersect, isNarrower, permits } from '@credence/contracts/authority'
import type { Agent } from '@credence/contracts/principals/agent'
import type { Delegation } from '@credence/contracts/principals/delegation'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { details } from '../../../../infra/testing/authorities.ts'
import * as facts from '../../../../infra/testing/facts.ts'
import { NOW } from '../../../../infra/testing/facts.ts'
import { grantDelegation, passOnDelegation, type Wanted } from './delegation.ts'
import { decideExchange } from './exchange.ts'

const wish = fc.record({
  authorizationDetails: details,
  lifetimeSeconds: fc.integer({ min: 1, max: 7_200 }),
  maximumDepth: fc.integer({ min: 0, max: 4 }),
  /** Most wishes are cut to what can be given; the others try their luck. */
  fits: fc.boolean(),
})

const agentAt = (level: number): Agent => ({
  ...facts.agent({ agent: `agt_${level}`, parent: level > 0 ? `agt_${level - 1}` : undefined }),
  state: 'active',
  result: { id: 'att_1', expiresAt: facts.hours(2), keyThumbprint: `thumbprint-of-agt_${level}` },
})
const wanted = (
  level: number,
  part: Pick<Wanted, 'authorizationDetails' | 'lifetimeSeconds' | 'maximumDepth'>,
): Wanted => ({ ...part, delegation: `dlg_${level}`, purpose: 'x', narrow: false })
const cut = (
  one: Pick<Wanted, 'authorizationDetails' | 'maximumDepth'>,
  held: AuthorizationDetail[],
  depth: number,
) => {
  const common = intersect(one.authorizationDetails, held)
  return {
    authorizationDetails: common.length > 0 ? common : held,
    lifetimeSeconds: 60,
    maximumDepth: Math.max(0, depth - 1),
  }
}
const given = (facts: { data: object }[]): Delegation => ({ ...(facts[0]?.data as Delegation), revoked: false })

describe('authority only narrows', () => {
  it('along every chain that can be built: each link lies inside all above it and inside the ceiling, ends no later, and goes less deep', () => {
    let links = 0
    fc.assert(
      fc.property(details, fc.array(wish, { minLength: 2, maxLength: 6 }), (ceiling, wishes) => {
        const blueprint = facts.folded({ ceiling })
        const chain: Delegation[] = []
        for (const [level, one] of wishes.entries()) {
          const to = { agent: agentAt(chain.length), agentEnd: undefined, blueprint }
          const parent = chain.at(-1)
          const asked = one.fits ? cut(one, parent?.authorization_details ?? ceiling, parent?.maximum_depth ?? 9) : one
          try {
            const decided = parent
              ? passOnDelegation(undefined, wanted(level, asked), {
                  parent,
                  parentEnd: undefined,
                  from: { agent: agentAt(chain.length - 1), agentEnd: undefined },
                  to,
                  now: NOW,
                })
              : grantDelegation(undefined, wanted(level, asked), facts.person({ human: 'hum_1' }), to, NOW)
            chain.push(given(decided))
          } catch {
            // Refused: nothing was handed on.
          }
        }
        for (const [index, link] of chain.entries()) {
          expect(isNarrower(link.authorization_details, ceiling)).toBe(true)
          for (const above of chain.slice(0, index)) {
            links++
            expect(isNarrower(link.authorization_details, above.authorization_details)).toBe(true)
            expect(link.expires_at <= above.expires_at).toBe(true)
            expect(link.maximum_depth).toBeLessThan(above.maximum_depth)
            expect(link.human).toBe(above.human)
          }
        }
      }),
      { numRuns: 3_000 },
    )
    // The property says something only when chains were built at all.
    expect(links).toBeGreaterThan(100)
  })

  it('at the exchange: a token permits nothing that its grant does not, at one place only, and ends with everything it rests on', () => {
    let issued = 0
    fc.assert(
      fc.property(
        details,
        fc.option(details, { nil: undefined }),
        fc.constantFrom('https://a.example', 'https://b.example', 'https://c.example'),
        (granted, asked, resource) => {
          const agent = agentAt(0)
          const delegation: Delegation = {
            ...facts.delegation({ agent: agent.agent, authorization_details: granted }),
            revoked: false,
          }
          const grant = {
            grant: 'grt_1',
            agent: agent.agent,
            delegation: delegation.delegation,
            task: 'tsk',
            authorization_details: granted,
            expires_at: facts.hours(1),
            live: true,
          }
          const answer = decideExchange({
            agent,
            agentEnd: undefined,
            delegation,
            delegationEnd: undefined,
            ceiling: delegation.authorization_details,
            grant,
            resource,
            authorizationDetails: asked,
            binding: { jkt: agent.key_thumbprint },
            now: NOW,
          })
          if (!answer.allowed) return
          issued++
          expect(isNarrower(answer.authorizationDetails, granted)).toBe(true)
          for (const location of ['https://a.example', 'https://b.example'].filter((other) => other !== resource))
            for (const action of ['crm.read', 'mail.send'])
              expect(permits(answer.authorizationDetails, { location, action, resource: 'Customer::1' })).toBe(false)
          for (const end of [grant.expires_at, delegation.expires_at, agent.expires_at])
            expect(answer.expiresAt <= new Date(end)).toBe(true)
        },
      ),
      { numRuns: 1_000 },
    )
    expect(issued).toBeGreaterThan(50)
  })
})
