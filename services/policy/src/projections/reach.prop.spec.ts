import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { detail } from '../../../../infra/testing/facts.ts'
import type { Task } from '../domain/task.ts'
import { createReach } from './reach.ts'

const TYPES = ['Alpha', 'Beta', 'Gamma']
const task = fc.record({
  agent: fc.constantFrom('agt_a', 'agt_b', 'agt_c', 'agt_d', 'agt_e'),
  types: fc.uniqueArray(fc.constantFrom(...TYPES), { minLength: 1 }),
})
const taskOf = ({ agent, types }: { agent: string; types: string[] }): Task =>
  ({ agent, grant: { authorization_details: [detail({ resources: types.map((type) => `${type}::*`) })] } }) as Task

describe('reach', () => {
  it('holds exactly the agents with an open task of a type, in order, whatever opens and closes', () => {
    fc.assert(
      fc.property(
        fc.array(task, { maxLength: 30 }),
        fc.array(fc.nat({ max: 29 })),
        fc.nat({ max: 6 }),
        (tasks, closings, most) => {
          const reach = createReach()
          const open = new Set(tasks.map(taskOf))
          const opened = [...open]
          for (const one of opened) reach.opened(one)
          for (const index of closings) {
            const one = opened[index]
            if (one && open.delete(one)) reach.closed(one)
          }
          for (const type of TYPES) {
            const named = [...open].filter((one) =>
              one.grant?.authorization_details[0]?.resources.includes(`${type}::*`),
            )
            const wanted = [...new Set(named.map(({ agent }) => agent))].sort()
            expect(reach.agents(type, '', 99)).toEqual(wanted)
            for (const after of ['agt_b', 'agt_bb', 'agt_e'])
              expect(reach.agents(type, after, most)).toEqual(wanted.filter((agent) => agent > after).slice(0, most))
          }
        },
      ),
    )
  })
})
