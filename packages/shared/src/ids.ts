import { typeid } from 'typeid-js'

/** A sortable id with a type prefix: `agt_` and a UUIDv7 (RFC 9562 §5.7) in base32 (TypeID 0.3). */
export const newId = (prefix: string): string => typeid(prefix).toString()
