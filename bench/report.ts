/** What every bench prints: machine, method, a table, and as its last line one JSON object of its figures. */
import { cpus, totalmem } from 'node:os'

export type Figures = Record<string, number>

/** The value below which this part of the samples lies, by nearest rank. Same unit as the samples. */
export function percentile(samples: readonly number[], part: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN
}

export const rounded = (value: number, digits = 1): number => Number(value.toFixed(digits))

export function printReport(report: {
  name: string
  method: string[]
  rows: [what: string, value: string][]
  figures: Figures
}): void {
  const line = (text = '') => process.stdout.write(`${text}\n`)
  const [cpu] = cpus()
  line(`bench ${report.name}`)
  line(
    `machine: ${cpus().length} × ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform}, Node ${process.version}`,
  )
  for (const text of report.method) line(`method: ${text}`)
  const width = Math.max(...report.rows.map(([what]) => what.length))
  for (const [what, value] of report.rows) line(`  ${what.padEnd(width)}  ${value}`)
  line(JSON.stringify(report.figures))
}
