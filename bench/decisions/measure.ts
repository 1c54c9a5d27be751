/** Rounds of all servers by turns, so that what else happens on the machine hits all alike. */
import { percentile } from '../report.ts'
import type { Target } from './target.ts'
import { compare, type Measured, press } from './wrk.ts'

export type Timing = { rounds: number; seconds: number; compareSeconds: number; warmUpSeconds: number }
export const WHOLE: Timing = { rounds: 2, seconds: 4, compareSeconds: 1, warmUpSeconds: 2 }
export const QUICK: Timing = { rounds: 1, seconds: 4, compareSeconds: 1, warmUpSeconds: 1 }

export type Case = { target: Target; file: string }

/** `first`: while most of what was asked about was asked about for the first time. */
export type Whole = Measured & { first?: Measured | undefined }

/** First each is compared and warmed up. @returns in the order of the cases */
export async function measure(cases: readonly Case[], timing: Timing): Promise<Whole[]> {
  const found: Measured[][] = cases.map(() => [])
  const compared: Measured[] = []
  const firsts: (Measured | undefined)[] = []
  for (const { target, file } of cases) {
    compared.push(await compare(target, file, timing.compareSeconds))
    await press(target, file, timing.warmUpSeconds)
    firsts.push(await settle(target, file, timing.seconds))
  }
  for (let round = 0; round < timing.rounds; round++)
    for (const [index, { target, file }] of cases.entries())
      found[index]?.push(await press(target, file, timing.seconds))
  return found.map((rounds, index) => ({ ...together(rounds, compared[index]), first: firsts[index] }))
}

/** @returns how it was until then; undefined for a target that needs none of it */
async function settle(target: Target, file: string, seconds: number): Promise<Measured | undefined> {
  const rounds: Measured[] = []
  for (let asked = 0; asked < (target.settledAfter ?? 0); ) {
    const round = await press(target, file, seconds)
    rounds.push(round)
    asked += round.perSecond * seconds
  }
  return rounds.length > 0 ? together(rounds, undefined) : undefined
}

/** Speeds as the mean of the rounds, latencies as their median, mistakes as their sum. */
function together(rounds: readonly Measured[], compared: Measured | undefined): Measured {
  const all = [...rounds, ...(compared ? [compared] : [])]
  const mean = (key: 'perSecond' | 'processorUs') => rounds.reduce((sum, one) => sum + one[key], 0) / rounds.length
  const median = (key: 'p50' | 'p99') =>
    percentile(
      rounds.map((one) => one[key]),
      0.5,
    )
  const sum = (key: 'failed' | 'wrong' | 'compared') => all.reduce((total, one) => total + one[key], 0)
  return {
    perSecond: mean('perSecond'),
    processorUs: mean('processorUs'),
    p50: median('p50'),
    p99: median('p99'),
    failed: sum('failed'),
    wrong: sum('wrong'),
    compared: compared?.compared ?? 0,
  }
}
