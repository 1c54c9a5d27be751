/** The house of the protocol's cases (api/http/cases/README.md), and how one of its enforcement points asks. */
import { readFileSync } from 'node:fs'
import { Agent, fetch as undiciFetch } from 'undici'
import { detail } from '../../../../infra/testing/facts.ts'
import { type House, openHouse } from './house.ts'

export const CASES = new URL('../api/http/cases/', import.meta.url)

export type AuthzenHouse = Awaited<ReturnType<typeof openAuthzenHouse>>

export async function openAuthzenHouse() {
  const house = await openHouse()
  const { stack } = house
  const read = (name: string) => readFileSync(new URL(name, CASES), 'utf8')
  await house.activate(read('policies.cedar'), read('schema.cedarschema'))
  const named = (...ids: string[]) => ids.map((id) => `CalendarEvent::${id}`)
  const open = async (worker: Awaited<ReturnType<House['agent']>>, actions: string[], resources: string[]) =>
    worker.openTask({ authorizationDetails: [detail({ actions, resources })] })
  // One after the other: searches list agents in the order in which they were made.
  const first = await house.agent()
  const second = await house.agent()
  const third = await house.agent()
  const EVENTS = named('2026/*', 'standup', 'retro', 'secret')
  const one = await open(first, ['calendar.*'], EVENTS)
  const two = await open(first, ['calendar.read'], named('board'))
  const three = await open(second, ['calendar.book'], named('standup'))
  const four = await open(third, ['calendar.*'], EVENTS)
  const { position } = await third.client.completeTask({ taskId: four.taskId, outcome: 'TASK_OUTCOME_SUCCEEDED' })

  const files = await stack.workload('enforcement-point/calendar')
  const agent = new Agent({
    connect: { ca: readFileSync(files.caFile), cert: readFileSync(files.certFile), key: readFileSync(files.keyFile) },
  })
  const names = {
    url: stack.decisionPoint,
    agent: first.agent,
    'agent-2': second.agent,
    'agent-3': third.agent,
    grant: one.grant?.id ?? '',
    'grant-2': two.grant?.id ?? '',
    'grant-3': three.grant?.id ?? '',
    'grant-4': four.grant?.id ?? '',
  }
  return {
    ...house,
    names,
    first,
    position,
    /** Puts in the names of this house: `<agent>`, `<grant>` … */
    filled: (text: string): string =>
      text.replaceAll(
        /<([a-z]+(?:-(?:\d|grant))?)>/g,
        (whole, name: string) => names[name as keyof typeof names] ?? whole,
      ),
    send: (path: string, init: { method?: string; headers?: Record<string, string>; body?: string } = {}) =>
      undiciFetch(`${stack.decisionPoint}${path}`, { ...init, dispatcher: agent }),
    close: async () => {
      await agent.destroy()
      await house.close()
    },
  }
}
