/** Verifications a second of each kind, beside the bare signature check inside it, by turns. */
import { type Figures, percentile, rounded } from '../../report.ts'
import type { Section } from '../section.ts'
import type { Subject } from './kind.ts'
import { quoteSubjects } from './quotes.ts'
import { agentManifestSubject, containerImageSubject, modelSigningSubject } from './signed-bundles.ts'
import { kubernetesSubject, softwareSubject, spiffeSubjects } from './tokens.ts'

type Timing = { rounds: number; milliseconds: number }
const WHOLE: Timing = { rounds: 7, milliseconds: 700 }
const QUICK: Timing = { rounds: 3, milliseconds: 150 }
/** Between looks at the clock. */
const BATCH = 16

/** @throws Error when a genuine piece is refused */
export async function measureKinds(quick: boolean): Promise<Section> {
  const timing = quick ? QUICK : WHOLE
  const subjects: Subject[] = [
    await softwareSubject(),
    agentManifestSubject(),
    await modelSigningSubject(),
    containerImageSubject(),
    await kubernetesSubject(),
    ...(await spiffeSubjects()),
    ...quoteSubjects(),
  ]
  const speeds = subjects.map((subject) => ({ subject, whole: [] as number[], bare: [] as number[] }))
  // The first round warms up.
  for (let round = 0; round <= timing.rounds; round++)
    for (const { subject, whole, bare } of speeds) {
      const one = await perSecond(subject.name, timing.milliseconds, subject.verify)
      const other = await perSecond(`${subject.name}: bare`, timing.milliseconds, subject.bare)
      if (round === 0) continue
      whole.push(one)
      bare.push(other)
    }
  const rows: Section['rows'] = []
  const figures: Figures = {}
  for (const { subject, whole, bare } of speeds) {
    const [speed, bareSpeed] = [percentile(whole, 0.5), percentile(bare, 0.5)]
    const ratio = speed / bareSpeed
    figures[`${subject.name}_per_s`] = rounded(speed, 0)
    figures[`${subject.name}_ratio_to_bare`] = rounded(ratio, 3)
    rows.push([
      subject.name,
      `${rounded(speed, 0)} /s, ${rounded(1e6 / speed, 0)} µs; bare ${rounded(bareSpeed, 0)} /s (${subject.algorithm}); ratio ${rounded(ratio, 2)}`,
    ])
  }
  return {
    method: [
      `kinds: each verifier in process on a genuine piece of evidence, by turns with node:crypto on the same bytes with the key ready; for each second of one core’s time (all threads), median of ${timing.rounds} rounds of ${timing.milliseconds} ms`,
      'kinds: ratio_to_bare is the part of the bare speed that is left; kubernetes-sat without asking the cluster, tpm2-quote with the event log replayed',
    ],
    rows,
    figures,
  }
}

/** Of one core’s time, on whatever threads: what else the machine does then changes little. */
async function perSecond(name: string, milliseconds: number, check: () => boolean | Promise<boolean>): Promise<number> {
  const began = performance.now()
  const before = process.cpuUsage()
  let done = 0
  do {
    for (let index = 0; index < BATCH; index++) if (!(await check())) throw new Error(`${name} refused what is genuine`)
    done += BATCH
  } while (performance.now() - began < milliseconds)
  const { user, system } = process.cpuUsage(before)
  return (done * 1e6) / (user + system)
}
