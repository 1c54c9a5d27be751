/** Walks an index for one request and collects what is satisfied and what failed. */
import type { Answer } from './engine.ts'
import type { KnownEntity } from './entity.ts'
import { Failure, type Frame, NO_BOOLEAN } from './frame.ts'
import type { Branch, EntityVariable, LeafRule, Node } from './index-tree.ts'
import type { Rule } from './read-policy.ts'
import { type EntityUid, isUid, type Value } from './value.ts'

export function runner(rules: readonly Rule[]): (program: Node, frame: Frame) => Answer {
  /** The walk in which each rule was last met: one filed under several literals can be reached on several ways. */
  const met = new Uint32Array(rules.length)
  let walk = 0
  let satisfied: number[] = []
  let failed: { index: number; failure: Failure }[] = []

  const isFirstMeeting = (index: number): boolean => {
    if (met[index] === walk) return false
    met[index] = walk
    return true
  }

  const failAll = (indexes: readonly number[], found: Value | Failure) => {
    const failure = found instanceof Failure ? found : NO_BOOLEAN
    for (const index of indexes) if (isFirstMeeting(index)) failed.push({ index, failure })
  }

  const visit = (node: Node, frame: Frame): void => {
    for (const branch of node.branches) visitBranch(branch, frame)
    for (const leaf of node.leaves) visitLeaf(leaf, frame)
  }

  const visitLeaf = ({ index, tests }: LeafRule, frame: Frame): void => {
    for (const test of tests) {
      const value = test(frame)
      if (value === true) continue
      if (value !== false && isFirstMeeting(index))
        failed.push({ index, failure: value instanceof Failure ? value : NO_BOOLEAN })
      return
    }
    if (isFirstMeeting(index)) satisfied.push(index)
  }

  const visitBranch = (branch: Branch, frame: Frame): void => {
    switch (branch.kind) {
      case 'equal': {
        const value = branch.of(frame)
        const found = isUid(value) ? branch.entities.get(value) : branch.primitives.get(value as Value)
        if (found) visit(found, frame)
        else if (value instanceof Failure) failAll(branch.rules, value)
        return
      }
      case 'in': {
        const uid = frame[branch.variable]
        const self = branch.groups.get(uid)
        if (self) visit(self, frame)
        const ancestors = entityIn(frame, branch.variable)?.ancestors
        if (!ancestors || ancestors.list.length === 0) return
        if (ancestors.list.length <= branch.list.length) {
          for (const ancestor of ancestors.list) {
            const found = branch.groups.get(ancestor)
            if (found) visit(found, frame)
          }
        } else for (const [{ type, id }, found] of branch.list) if (ancestors.has(type, id)) visit(found, frame)
        return
      }
      case 'is': {
        const found = branch.types.get(typeIn(frame, branch.variable).type)
        if (found) visit(found, frame)
        return
      }
      case 'test': {
        const value = branch.of(frame)
        if (value === true) visit(branch.next, frame)
        else if (value !== false) failAll(branch.rules, value)
      }
    }
  }

  return (program, frame) => {
    walk = walk === 0xffff_ffff ? 1 : walk + 1
    if (walk === 1) met.fill(0)
    satisfied = []
    failed = []
    visit(program, frame)
    if (satisfied.length > 1) satisfied.sort((left, right) => left - right)
    if (failed.length > 1) failed.sort((left, right) => left.index - right.index)
    const permits: string[] = []
    const forbids: string[] = []
    for (const index of satisfied) {
      const { id, effect } = rules[index] as Rule
      if (effect === 'permit') permits.push(id)
      else forbids.push(id)
    }
    const errors = failed.map(({ index, failure }) => ({
      policy: (rules[index] as Rule).id,
      message: failure.message,
    }))
    return { decision: permits.length > 0 && forbids.length === 0 ? 'allow' : 'deny', permits, forbids, errors }
  }
}

function entityIn(frame: Frame, variable: EntityVariable): KnownEntity | undefined {
  if (variable === 'principal') return frame.principalEntity
  return variable === 'resource' ? frame.resourceEntity : frame.actionEntity
}

function typeIn(frame: Frame, variable: EntityVariable): EntityUid {
  if (variable === 'principal') return frame.principal
  return variable === 'resource' ? frame.resource : frame.action
}
