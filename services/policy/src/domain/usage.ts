/**
 * How often limited authority was used. All that hangs below one root is one book: a use is counted at the grant and at
 * every delegation and mandate above it in one event, so that a limit holds over everything that was passed on or drawn
 * from it, and the book's place in the stream keeps decision points apart.
 */
import { type Act, type AuthorizationDetail, type Judged, judgeUse } from '@credence/contracts/authority'
import { CredenceError } from '@credence/contracts/errors'
import type { EventData, Fact, PolicyFact } from '@credence/contracts/events/catalog'
import { isCounted, plus, type Used } from '@credence/contracts/limits'

type Counted = EventData<'credence.policy.usage.counted.v1'>

/** Uses by `<node>/<detail>`. */
export type Usage = { used: Readonly<Record<string, Used>> }
export type UsageState = Usage | undefined

export const usageEvolution = { initialState: undefined as UsageState, evolve }

const keyOf = (node: string, detail: number): string => `${node}/${detail}`

function evolve(state: UsageState, fact: Fact): UsageState {
  if (fact.type !== 'credence.policy.usage.counted.v1') return state
  const used: Record<string, Used> = { ...state?.used }
  for (const { node, detail, amount } of fact.data.uses) {
    const before = used[keyOf(node, detail)] ?? { count: 0 }
    const total = amount ? plus(before.total ?? '0', amount.value) : before.total
    used[keyOf(node, detail)] = { count: before.count + 1, ...(total === undefined ? {} : { total }) }
  }
  return { used }
}

const NEVER: Used = { count: 0 }

/** Uses of one object of a node, as the book has them. */
export const usedOf = (state: UsageState, node: string, detail: number): Used =>
  state?.used[keyOf(node, detail)] ?? NEVER

/** Grant, delegation or mandate, with what it permits. */
export type Node = { node: string; details: readonly AuthorizationDetail[] }

export type Use = Counted['uses'][number]

/** How an act stands to the limits of a whole line of authority, and what has to be counted when it is done. */
export type Spending = {
  judged: Judged
  uses: Use[]
  /** What is limited on this line, and what the book said of it. */
  looked: { node: string; detail: number; used: Used }[]
}

/**
 * @param line the grant first, then every delegation up to the root, then the mandate
 * @param used what the book says
 */
export function spend(line: readonly Node[], act: Act, used: (node: string, detail: number) => Used): Spending {
  const uses: Use[] = []
  const looked: Spending['looked'] = []
  for (const [index, { node, details }] of line.entries()) {
    // The grant is always judged. What stands above it was cut into it; only what is counted there is looked at again.
    if (index > 0 && !details.some(({ limits }) => isCounted(limits))) continue
    const { judged, detail, counted } = judgeUse(details as AuthorizationDetail[], act, (at) => {
      const before = used(node, at)
      looked.push({ node, detail: at, used: before })
      return before
    })
    if (judged !== 'permitted') return { judged, uses: [], looked }
    if (!counted) continue
    const { amount } = act
    uses.push({ node, detail, ...(amount && details[detail]?.limits?.total ? { amount } : {}) })
  }
  return { judged: 'permitted', uses, looked }
}

/** @throws CredenceError `failed_precondition` when the act does not fit the book any more */
export function countUses(root: string, decision: string, { judged, uses }: Spending): PolicyFact[] {
  if (judged !== 'permitted') throw new CredenceError('failed_precondition', judged, 'It was used up meanwhile.')
  return uses.length === 0 ? [] : [{ type: 'credence.policy.usage.counted.v1', data: { root, decision, uses } }]
}
