/** What attestation costs, kind by kind and for a fleet, and how soon a change is refused. */
import { printReport } from '../report.ts'
import { measureKinds } from './kinds/main.ts'

export async function benchAttestation(quick: boolean): Promise<void> {
  const sections = [await measureKinds(quick)]
  printReport({
    name: 'attestation',
    method: sections.flatMap(({ method }) => method),
    rows: sections.flatMap(({ rows }) => rows),
    figures: Object.assign({}, ...sections.map(({ figures }) => figures)),
  })
}
