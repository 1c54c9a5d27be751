/** Walks an index for one request and collects what is satisfied and what failed. */
import type { Answer } from './engine.ts'
import type { KnownEntity } from './entity.ts'
import { Failure, type Frame, NO_BOOLEAN } from './frame.ts'
import type { Branch, EntityVariable, LeafRule, Node } from './index-tree.ts'
import type { Rule } from './read-policy.ts'
import { isUid, type Value } from './value.ts'

/** Positions of rules, in the order of the walk. A rule filed under several literals may be met on several ways. */
type Found = { satisfied: number[]; failed: { index: number; failure: Failure }[] }

export function runner(rules: readonly Rule[]): (program: Node, frame: Frame) => Answer {
  // Apart from the rules and close together: a walk meets few rules, each somewhere else in memory.
  const ids = rules.map(({ id }) => id)
  const forbid = Uint8Array.from(rules, ({ effect }) => (effect === 'forbid' ? 1 : 0))

  return (program, frame) => {
    const found: Found = { satisfied: [], failed: [] }
    visit(program, frame, found)
    const permits: string[] = []
    const forbids: string[] = []
    const { satisfied } = found
    if (!isAscending(satisfied)) satisfied.sort((left, right) => left - right)
    let previous = -1
    for (const index of satisfied) {
      if (index !== previous) (forbid[index] === 1 ? forbids : permits).push(ids[index] as string)
      previous = index
    }
    return {
      decision: permits.length > 0 && forbids.length === 0 ? 'allow' : 'deny',
      permits,
      forbids,
      errors: found.failed.length === 0 ? [] : errorsOf(found.failed, ids),
    }
  }
}

function isAscending(indexes: readonly number[]): boolean {
  for (let at = 1; at < indexes.length; at++) if ((indexes[at] as number) < (indexes[at - 1] as number)) return false
  return true
}

function errorsOf(failed: Found['failed'], ids: readonly string[]): Answer['errors'] {
  const errors: Answer['errors'] = []
  let previous = -1
  for (const { index, failure } of failed.sort((left, right) => left.index - right.index)) {
    if (index !== previous) errors.push({ policy: ids[index] as string, message: failure.message })
    previous = index
  }
  return errors
}

function visit(node: Node, frame: Frame, found: Found): void {
  if (node.kind === 'rule') {
    visitLeaf(node, frame, found)
    return
  }
  const { branches, leaves } = node
  for (let at = 0; at < branches.length; at++) visitBranch(branches[at] as Branch, frame, found)
  for (let at = 0; at < leaves.length; at++) visitLeaf(leaves[at] as LeafRule, frame, found)
}

function visitLeaf({ index, tests }: LeafRule, frame: Frame, found: Found): void {
  for (const test of tests) {
    const value = test(frame)
    if (value === true) continue
    if (value !== false) found.failed.push({ index, failure: failureOf(value) })
    return
  }
  found.satisfied.push(index)
}

const failureOf = (value: Value | Failure): Failure => (value instanceof Failure ? value : NO_BOOLEAN)

function failAll(indexes: readonly number[], value: Value | Failure, found: Found): void {
  const failure = failureOf(value)
  for (const index of indexes) found.failed.push({ index, failure })
}

function visitBranch(branch: Branch, frame: Frame, found: Found): void {
  switch (branch.kind) {
    case 'equal': {
      const value = branch.of(frame)
      const next = isUid(value) ? branch.entities?.get(value) : branch.primitives?.get(value as Value)
      if (next) visit(next, frame, found)
      else if (value instanceof Failure) failAll(branch.rules, value, found)
      return
    }
    case 'in': {
      const self = branch.groups.get(frame[branch.variable])
      if (self) visit(self, frame, found)
      const ancestors = entityIn(frame, branch.variable)?.ancestors
      if (!ancestors) return
      if (ancestors.list.length <= branch.list.length) {
        for (const ancestor of ancestors.list) {
          const next = branch.groups.get(ancestor)
          if (next) visit(next, frame, found)
        }
      } else for (const [{ type, id }, next] of branch.list) if (ancestors.has(type, id)) visit(next, frame, found)
      return
    }
    case 'is': {
      const next = branch.types.get(frame[branch.variable].type)
      if (next) visit(next, frame, found)
      return
    }
    case 'test': {
      const value = branch.of(frame)
      if (value === true) visit(branch.next, frame, found)
      else if (value !== false) failAll(branch.rules, value, found)
    }
  }
}

function entityIn(frame: Frame, variable: EntityVariable): KnownEntity | undefined {
  if (variable === 'principal') return frame.principalEntity
  return variable === 'resource' ? frame.resourceEntity : frame.actionEntity
}
