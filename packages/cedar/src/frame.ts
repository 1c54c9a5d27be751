/** What closures are given: one request with its entities looked up once, and how an evaluation fails. */
import type { Entities, KnownEntity } from './entity.ts'
import type { UidMap } from './uid-map.ts'
import type { CedarRecord, EntityUid, Value } from './value.ts'

export type Request = {
  principal: EntityUid
  action: EntityUid
  resource: EntityUid
  context: CedarRecord
}

/** One for each engine, filled anew for each request. */
export type Frame = Request & {
  principalEntity: KnownEntity | undefined
  actionEntity: KnownEntity | undefined
  resourceEntity: KnownEntity | undefined
  entities: Entities
  readonly actions: Actions
}

/**
 * The result of an expression that has no value. Returned, not thrown: a policy that always fails then costs no more
 * than one that never does. Messages are made when policies are compiled, and hold no value of the request.
 */
export class Failure {
  readonly message: string

  constructor(message: string) {
    this.message = message
  }
}

const expects = (type: string) => new Failure(`type error: expected ${type}`)
export const NO_BOOLEAN = expects('a boolean')
export const NO_STRING = expects('a string')
export const NO_LONG = expects('a long')
export const NO_SET = expects('a set')
export const NO_ENTITY = expects('an entity')
export const NO_ENTITIES = expects('an entity or a set of entities')
export const NO_RECORD = expects('a record or an entity')
export const NOT_COMPARABLE = expects('two longs, datetimes or durations')
export const OVERFLOW = new Failure('integer overflow')
export const UNKNOWN_ENTITY = new Failure('the entity does not exist')

/** A failure of an operand goes through; anything else that is not what was asked for is a type error. */
export const wanted = (found: Value | Failure, typeError: Failure): Failure =>
  found instanceof Failure ? found : typeError

export type Evaluate = (frame: Frame) => Value | Failure

type Actions = UidMap<{ entity: KnownEntity }> | undefined

/** The schema's actions come from the schema, whatever the caller's entities say. */
export const find = (uid: EntityUid, entities: Entities, actions: Actions): KnownEntity | undefined =>
  actions?.hasType(uid.type) ? actions.get(uid)?.entity : entities(uid)

export function entityOf(frame: Frame, uid: EntityUid): KnownEntity | undefined {
  if (uid === frame.principal) return frame.principalEntity
  if (uid === frame.resource) return frame.resourceEntity
  return find(uid, frame.entities, frame.actions)
}
