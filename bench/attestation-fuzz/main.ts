/**
 * Mutants of genuine evidence and trust material against every parser: each is refused with a code, in time. What a verifier
 * takes must say what the genuine said. `CREDENCE_FUZZ_SEED` makes the inputs of another run again;
 * `CREDENCE_FUZZ_INPUT` (a name as it is printed) writes one of them, in base64.
 */
import { printReport, rounded } from '../report.ts'
import { allSubjects } from './subjects/all.ts'
import { tryAll } from './threads.ts'
import { DEADLINE_MS, inputOf, type Tally } from './trial.ts'
import type { Order } from './worker.ts'

const WHOLE = 1_000_000
const QUICK = 20_000
const IN_ORDER = 250
const MOST_NAMED = 5

export async function benchAttestationFuzz(quick: boolean): Promise<void> {
  const seed = Number(process.env.CREDENCE_FUZZ_SEED ?? Date.now() % 1_000_000_000)
  const subjects = allSubjects()
  const wanted = process.env.CREDENCE_FUZZ_INPUT
  if (wanted) {
    const [name, input] = [wanted.slice(0, wanted.lastIndexOf('#')), Number(wanted.slice(wanted.lastIndexOf('#') + 1))]
    const subject = subjects.find((one) => one.name === name)
    if (!subject) throw new Error(`There is no parser "${name}".`)
    const content = inputOf(subject, seed, input)
    process.stdout.write(`${content.toString('base64')}\n`)
    process.stdout.write(`${JSON.stringify(await subject.judge(content))}\n`)
    return
  }
  const began = performance.now()
  const found = await tryAll(orders(subjects, quick ? QUICK : WHOLE), seed)
  report({ seed, found, seconds: (performance.now() - began) / 1000 })
}

/** Mixed, so that the threads come to their end together. */
function orders(subjects: readonly { name: string; share: number }[], inputs: number): Order[] {
  const shares = subjects.reduce((sum, { share }) => sum + share, 0)
  const all = subjects.flatMap(({ name, share }) => {
    const count = Math.ceil((inputs * share) / shares)
    return Array.from({ length: Math.ceil(count / IN_ORDER) }, (_, part): Order => {
      const from = part * IN_ORDER
      return { subject: name, from, until: Math.min(count, from + IN_ORDER) }
    })
  })
  return all.sort((a, b) => a.from - b.from)
}

function report({ seed, found, seconds }: { seed: number; found: Map<string, Tally>; seconds: number }): void {
  const all = [...found.values()]
  const sum = (of: (tally: Tally) => number) => all.reduce((total, tally) => total + of(tally), 0)
  const rows = [...found].map(([name, tally]): [string, string] => [name, told(tally)])
  for (const what of ['crashes', 'hangs', 'unexpected', 'unexplained'] as const)
    for (const [at, name] of all.flatMap((tally) => tally[what].slice(0, MOST_NAMED)).entries())
      rows.push([`${what} ${at + 1}`, name.slice(0, 400)])
  const inputs = sum((tally) => tally.inputs)
  printReport({
    name: 'attestation-fuzz',
    method: [
      `${inputs} inputs of seed ${seed} on ${found.size} parsers of evidence and trust material in ${rounded(seconds)} s`,
      'genuine input (recorded from TPM, SPIRE, API server, cosign, model-signing; the rest by keys made from a name), truncated, flipped, blown up, wrongly nested, spliced; inside its encoding and out',
      `an input may take ${DEADLINE_MS} ms of a processor; what a verifier takes must say what a genuine input says`,
    ],
    rows,
    figures: {
      inputs,
      crashes: sum((tally) => tally.crashes.length),
      hangs: sum((tally) => tally.hangs.length),
      unexpected_passes: sum((tally) => tally.unexpected.length),
      codes_without_sentence: sum((tally) => tally.unexplained.length),
      seed,
      seconds: rounded(seconds),
    },
  })
}

function told({ inputs, read, refused, crashes, hangs, unexpected }: Tally): string {
  const codes = Object.entries(refused).sort(([, a], [, b]) => b - a)
  const most = codes.slice(0, 4).map(([code, times]) => `${code} ${times}`)
  const more = codes.length > 4 ? `, ${codes.length - 4} other codes` : ''
  const bad = crashes.length + hangs.length + unexpected.length
  return `${inputs} inputs: read ${read}, refused: ${most.join(', ')}${more}${bad > 0 ? `; ${bad} FAULTS` : ''}`
}
