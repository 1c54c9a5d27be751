/**
 * Expressions that Cedar's types allow and that can still fail when they are evaluated. A permit that fails does not
 * permit; a forbid that fails denies every request that its scope fits.
 */
import type { Finding } from '../policies.ts'
import type { Policy } from '../read.ts'
import { readsSomething } from './reads.ts'

/** Operators and functions whose result may lie outside 64 bits. */
const ARITHMETIC = ['+', '-', '*', 'neg', 'offset', 'durationSince', 'toDate']

/** @param holdsEntity tells of an attribute's name whether some record or entity of the schema holds a reference in it */
export function mayError({ id, effect, json }: Policy, holdsEntity: (attribute: string) => boolean): Finding[] {
  const found = new Set<string>()
  const open: unknown[] = [...json.conditions]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (!value || typeof value !== 'object') continue
    for (const [name, member] of Object.entries(value)) {
      if (effect === 'forbid' && ARITHMETIC.includes(name) && readsSomething(member)) found.add(overflow(name))
      if (name === '.' || name === 'getTag') {
        const through = attributeOf((member as { left?: unknown }).left)
        if (through !== undefined && holdsEntity(through)) found.add(unknown(through))
      }
      open.push(member)
    }
  }
  return [...found].map((message) => ({ severity: 'warning', code: 'may_error', policy: id, message }))
}

const overflow = (name: string): string =>
  `"${name}" can leave 64 bits, and then this forbid denies all that its scope fits`
const unknown = (attribute: string): string =>
  `reads an attribute of the entity in "${attribute}": Credence knows the agent and the resource only, so that fails`

function attributeOf(expression: unknown): string | undefined {
  const access = (expression as { '.'?: { attr?: unknown } } | undefined)?.['.']
  return typeof access?.attr === 'string' ? access.attr : undefined
}
