/** A part of the bench: what it measured, and how. */
import type { Figures } from '../report.ts'

export type Section = { method: string[]; rows: [what: string, value: string][]; figures: Figures }
