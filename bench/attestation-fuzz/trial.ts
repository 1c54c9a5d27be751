/** One input after the other on one parser: what came of them. */

import { messageOf } from '@credence/shared/log'
import { mutant } from './mutations/mutate.ts'
import { randomOf } from './mutations/random.ts'
import type { Outcome, Subject } from './subject.ts'

/** Of a processor: a machine that does something else meanwhile makes nobody late. */
export const DEADLINE_MS = 250

export type Tally = {
  inputs: number
  /** Read by a parser that checks no signature, or by a verifier, and said what the genuine says. */
  read: number
  refused: Record<string, number>
  crashes: string[]
  hangs: string[]
  unexpected: string[]
  /** Codes without a sentence. */
  unexplained: string[]
}

export const emptyTally = (): Tally => ({
  inputs: 0,
  read: 0,
  refused: {},
  crashes: [],
  hangs: [],
  unexpected: [],
  unexplained: [],
})

export const inputOf = ({ name, genuine, donors = [] }: Subject, seed: number, input: number): Buffer =>
  mutant(genuine, donors, randomOf(seed, name, input))

const text = (value: unknown): string =>
  JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? String(part) : part)) ?? 'undefined'

/** What the genuine inputs say. @throws Error when one is refused */
export async function saidByGenuine({ name, genuine, judge }: Subject): Promise<Set<string>> {
  const all = new Set<string>()
  for (const { parts, whole } of genuine) {
    const outcome = await judge(whole(parts.map(({ bytes }) => bytes)))
    if ('refused' in outcome) throw new Error(`${name} refuses what is genuine: ${outcome.refused}`)
    all.add(text(outcome.said))
  }
  return all
}

/** Judges inputs `from` up to, and without, `until`. @param at told before each */
export async function tryInputs(
  subject: Subject,
  about: { seed: number; from: number; until: number; genuine: ReadonlySet<string>; at: (input: number) => void },
): Promise<Tally> {
  const tally = emptyTally()
  for (let input = about.from; input < about.until; input++) {
    const name = `${subject.name}#${input}`
    about.at(input)
    tally.inputs++
    let began = process.threadCpuUsage()
    try {
      const content = inputOf(subject, about.seed, input)
      began = process.threadCpuUsage()
      count(tally, subject, await subject.judge(content), { name, genuine: about.genuine })
    } catch (error) {
      tally.crashes.push(`${name}: ${messageOf(error)}`)
    }
    const { user, system } = process.threadCpuUsage(began)
    if ((user + system) / 1000 > DEADLINE_MS) tally.hangs.push(`${name}: ${Math.round((user + system) / 1000)} ms`)
  }
  return tally
}

function count(
  tally: Tally,
  { signed, reasons }: Subject,
  outcome: Outcome,
  { name, genuine }: { name: string; genuine: ReadonlySet<string> },
): void {
  if ('refused' in outcome) {
    tally.refused[outcome.refused] = (tally.refused[outcome.refused] ?? 0) + 1
    if (reasons && !(outcome.refused in reasons)) tally.unexplained.push(`${name}: ${outcome.refused}`)
  } else if (signed && !genuine.has(text(outcome.said))) tally.unexpected.push(`${name}: ${text(outcome.said)}`)
  else tally.read++
}
