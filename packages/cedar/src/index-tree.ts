/**
 * Which rules can be satisfied, without trying each. Rules are filed by the tests they make: those with
 * `principal in G`, `context.x == "a"` and the like under the literal, in a map; those that share any other test
 * under the test, which is then evaluated once for all. An evaluation walks the branches that the request opens, and
 * reaches few rules besides those that are satisfied. Tests are made in an order that changes neither an answer nor an
 * error: scope tests and others that never fail (`neverFails`) in any order, the rest in the policy's own order, and
 * when the shared test fails, exactly the rules filed there fail.
 */

import { type Expression, neverFails, type Variable } from './expression.ts'
import type { Expressions } from './expressions.ts'
import type { Evaluate } from './frame.ts'
import { LIMITS } from './limits.ts'
import { UidMap } from './uid-map.ts'
import { CedarSet, type EntityUid, isUid, type Value } from './value.ts'

export type EntityVariable = Exclude<Variable, 'context'>

/** A rule that reached a leaf: the tests that no branch on the way has made. */
export type LeafRule = { kind: 'rule'; index: number; tests: readonly Evaluate[] }

export type Branch =
  | {
      kind: 'equal'
      of: Evaluate
      primitives: ReadonlyMap<Value, Node> | undefined
      entities: UidMap<Node> | undefined
      /** All rules below: those that fail with `of`. */
      rules: readonly number[]
    }
  | { kind: 'in'; variable: EntityVariable; groups: UidMap<Node>; list: readonly [EntityUid, Node][] }
  | { kind: 'is'; variable: EntityVariable; types: ReadonlyMap<string, Node> }
  | { kind: 'test'; of: Evaluate; next: Node; rules: readonly number[] }

export type Node = { kind: 'node'; branches: readonly Branch[]; leaves: readonly LeafRule[] } | LeafRule

/** How a test can be filed: rules with the same `key` share a branch, and within it a way for each literal. */
type Filing = { key: string; literals: readonly Value[]; branch: 'equal' | 'in' | 'is' | 'test'; of: Expression }

type Pending = {
  index: number
  /** Never fail; any order. */
  free: readonly Expression[]
  /** From the first one that may fail. */
  ordered: readonly Expression[]
  /** How often the rule is filed: once for each literal on the way, multiplied. */
  ways: number
}

type FilingOf = (test: Expression, rule: Pending) => Filing
type Context = { closureOf: Expressions['closureOf']; filingOf: FilingOf; leafOf: (rule: Pending) => LeafRule }

export type IndexTree = (rules: Iterable<{ index: number; tests: readonly Expression[] }>) => Node

/** Trees of one builder share what they have in common: a rule that is left with the same tests is one object. */
export function indexer({ closureOf }: Expressions): IndexTree {
  const filings = new Map<number, Filing>()
  const filingOf: FilingOf = (test, { ways }) => {
    let filing = filings.get(test.id)
    if (!filing) {
      filing = file(test)
      filings.set(test.id, filing)
    }
    return filing.literals.length * ways <= LIMITS.indexedWays ? filing : shared(test)
  }
  const leaves = new Map<string, LeafRule>()
  const leafOf = ({ index, free, ordered }: Pending): LeafRule => {
    const tests = [...free, ...ordered]
    const key = [index, ...tests.map(({ id }) => id)].join()
    let leaf = leaves.get(key)
    if (!leaf) {
      leaf = { kind: 'rule', index, tests: tests.length === 0 ? NONE : tests.map(closureOf) }
      leaves.set(key, leaf)
    }
    return leaf
  }
  return (rules) => nodeOf(Array.from(rules, pendingOf), 0, { closureOf, filingOf, leafOf })
}

function pendingOf({ index, tests }: { index: number; tests: readonly Expression[] }): Pending {
  const firstOrdered = tests.findIndex((test) => !neverFails(test))
  const free = firstOrdered < 0 ? tests : tests.slice(0, firstOrdered)
  return { index, free: [...new Set(free)], ordered: tests.slice(free.length), ways: 1 }
}

/** Tests that may be made next. */
const candidates = ({ free, ordered }: Pending): readonly Expression[] => (free.length > 0 ? free : ordered.slice(0, 1))

const without = ({ index, free, ordered, ways }: Pending, test: Expression, literals: number): Pending => ({
  index,
  free: free.filter((other) => other !== test),
  ordered: free.length > 0 ? ordered : ordered.slice(1),
  ways: ways * Math.max(1, literals),
})

/** So many rules are tried one after the other. */
const FEW = 2
const NONE: readonly never[] = []

function nodeOf(rules: readonly Pending[], depth: number, context: Context): Node {
  const { filingOf, leafOf } = context
  // What a literal leads to is mostly one rule: as itself it takes less memory to walk through than a node.
  const [only] = rules
  if (only && rules.length === 1) return leafOf(only)
  if (rules.length <= FEW || depth >= LIMITS.indexDepth)
    return { kind: 'node', branches: NONE, leaves: rules.map(leafOf) }

  const scores = score(rules, filingOf)
  const filed = new Map<string, { filing: Filing; rules: { rule: Pending; test: Expression }[] }>()
  const leaves: LeafRule[] = []
  for (const rule of rules) {
    let best: Expression | undefined
    let most = 0
    for (const test of candidates(rule)) {
      const found = scores.get(filingOf(test, rule).key) ?? 0
      if (found > most) [best, most] = [test, found]
    }
    if (!best) {
      leaves.push(leafOf(rule))
      continue
    }
    const filing = filingOf(best, rule)
    const group = filed.get(filing.key)
    if (group) group.rules.push({ rule, test: best })
    else filed.set(filing.key, { filing, rules: [{ rule, test: best }] })
  }
  const branches = [...filed.values()].map(({ filing, rules }) => branchOf(filing, rules, depth, context))
  return { kind: 'node', branches, leaves }
}

/** By key: how many rules the branch is expected to spare. A key that one rule only has is not worth a branch. */
function score(rules: readonly Pending[], filingOf: FilingOf): Map<string, number> {
  const seen = new Map<string, { count: number; literals: Set<unknown> }>()
  for (const rule of rules)
    for (const test of candidates(rule)) {
      const { key, literals } = filingOf(test, rule)
      let found = seen.get(key)
      if (!found) {
        found = { count: 0, literals: new Set() }
        seen.set(key, found)
      }
      found.count++
      for (const literal of literals) found.literals.add(isUid(literal) ? literal.id : literal)
    }
  const scores = new Map<string, number>()
  for (const [key, { count, literals }] of seen) if (count > 1) scores.set(key, count * (1 - 1 / (literals.size + 1.5)))
  return scores
}

function branchOf(
  filing: Filing,
  rules: readonly { rule: Pending; test: Expression }[],
  depth: number,
  context: Context,
): Branch {
  const { closureOf, filingOf } = context
  const indexes = rules.map(({ rule }) => rule.index)
  const below = (pending: readonly Pending[]) => nodeOf(pending, depth + 1, context)
  if (filing.branch === 'test')
    return {
      kind: 'test',
      of: closureOf(filing.of),
      next: below(rules.map(({ rule, test }) => without(rule, test, 1))),
      rules: indexes,
    }
  const primitives = new Map<Value, Pending[]>()
  const entities = new UidMap<Pending[]>()
  const uids: EntityUid[] = []
  for (const { rule, test } of rules) {
    const { literals } = filingOf(test, rule)
    const rest = without(rule, test, literals.length)
    for (const literal of literals) {
      const found = isUid(literal) ? entities.get(literal) : primitives.get(literal)
      if (found) found.push(rest)
      else if (isUid(literal)) {
        entities.set(literal, [rest])
        uids.push(literal)
      } else primitives.set(literal, [rest])
    }
  }
  const byPrimitive = new Map<Value, Node>()
  for (const [literal, pending] of primitives) byPrimitive.set(literal, below(pending))
  if (filing.branch === 'is')
    return { kind: 'is', variable: variableOf(filing.of), types: byPrimitive as ReadonlyMap<string, Node> }
  const groups = new UidMap<Node>()
  const list: [EntityUid, Node][] = []
  for (const uid of uids) {
    const node = below(entities.get(uid) ?? [])
    groups.set(uid, node)
    list.push([uid, node])
  }
  if (filing.branch === 'in') return { kind: 'in', variable: variableOf(filing.of), groups, list }
  return {
    kind: 'equal',
    of: closureOf(filing.of),
    primitives: byPrimitive.size > 0 ? byPrimitive : undefined,
    entities: list.length > 0 ? groups : undefined,
    rules: indexes,
  }
}

const variableOf = (expression: Expression): EntityVariable => {
  if (expression.op !== 'variable' || expression.name === 'context') throw new Error('an index on no variable')
  return expression.name
}

const isEntityVariable = (expression: Expression): boolean =>
  expression.op === 'variable' && expression.name !== 'context'

const shared = (test: Expression): Filing => ({ key: `test ${test.id}`, literals: [], branch: 'test', of: test })

function file(test: Expression): Filing {
  const byLiteral = (branch: Filing['branch'], of: Expression, literals: readonly Value[]): Filing =>
    literals.length > 0 && literals.every(isFiled) ? { key: `${branch} ${of.id}`, literals, branch, of } : shared(test)
  switch (test.op) {
    case 'is':
      return isEntityVariable(test.of) ? byLiteral('is', test.of, [test.type]) : shared(test)
    case 'in':
      // `in` with anything but entities on its right fails: that is no test to file by literal.
      if (!isEntityVariable(test.left) || !neverFails(test) || test.right.op !== 'value') return shared(test)
      return byLiteral('in', test.left, elementsOf(test.right.value))
    case 'equal':
      if (test.right.op === 'value') return byLiteral('equal', test.left, [test.right.value])
      return test.left.op === 'value' ? byLiteral('equal', test.right, [test.left.value]) : shared(test)
    case 'contains':
      if (test.left.op !== 'value' || !(test.left.value instanceof CedarSet)) return shared(test)
      return byLiteral('equal', test.right, elementsOf(test.left.value))
    case 'or': {
      const equals = alternatives(test)
      return equals ? byLiteral('equal', equals.of, equals.literals) : shared(test)
    }
    default:
      return shared(test)
  }
}

const isFiled = (literal: Value): boolean => typeof literal !== 'object' || isUid(literal)
const elementsOf = (value: Value): Value[] => (value instanceof CedarSet ? [...value] : [value])

/** `e == "a" || e == "b"`, with the same `e`: fails when `e` fails, as `e == "a"` does. */
function alternatives(test: Expression): { of: Expression; literals: Value[] } | undefined {
  if (test.op === 'equal') {
    if (test.right.op === 'value') return { of: test.left, literals: [test.right.value] }
    return test.left.op === 'value' ? { of: test.right, literals: [test.left.value] } : undefined
  }
  if (test.op !== 'or') return undefined
  const [left, right] = [alternatives(test.left), alternatives(test.right)]
  if (!left || !right || left.of !== right.of) return undefined
  return { of: left.of, literals: [...left.literals, ...right.literals] }
}
