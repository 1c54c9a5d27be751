/** One mutant of genuine input: in a part of it, as that part’s form suggests, or as it stands. */
import type { Form, Genuine } from '../genuine.ts'
import { mutateBytes } from './bytes.ts'
import { mutateDer } from './der.ts'
import { mutateJson } from './json.ts'
import type { Random } from './random.ts'

/** Few: of what is broken everywhere, only what is checked first would be tested. */
const MOST_CHANGES = 3
const AS_IT_STANDS = 0.25
const OTHER_PART = 0.06

const BY_FORM: Record<Form, typeof mutateBytes> = {
  bytes: mutateBytes,
  json: (bytes, random, donor) => (random.chance(0.7) ? mutateJson : mutateBytes)(bytes, random, donor),
  der: (bytes, random, donor) => (random.chance(0.7) ? mutateDer : mutateBytes)(bytes, random, donor),
}

/** Never the genuine input itself. */
export function mutant(genuine: readonly Genuine[], donors: readonly Genuine[], random: Random): Buffer {
  const one = random.pick(genuine)
  const other = random.pick([...genuine, ...donors])
  const parts = one.parts.map(({ bytes }) => bytes)
  const original = one.whole(parts)
  let whole = original
  const changes = random.chance(0.7) ? 1 : 1 + random.below(MOST_CHANGES)
  for (let change = 0; change < changes; change++) {
    const index = random.below(parts.length)
    const { form = 'bytes' } = one.parts[index] ?? {}
    const donor = (random.chance(0.5) ? other.parts[index] : random.pick(other.parts)) ?? { bytes: Buffer.alloc(1) }
    const bytes = parts[index] ?? Buffer.alloc(0)
    parts[index] = random.chance(OTHER_PART) ? donor.bytes : BY_FORM[form](bytes, random, donor.bytes)
  }
  whole = one.whole(parts)
  if (parts.length > 1 && random.chance(AS_IT_STANDS)) {
    const form = original[0] === 0x7b ? 'json' : 'bytes'
    whole = BY_FORM[form](
      random.chance(0.5) ? original : whole,
      random,
      other.whole(other.parts.map(({ bytes }) => bytes)),
    )
  }
  while (whole.equals(original)) whole = mutateBytes(original, random, random.bytes(8))
  return whole
}
