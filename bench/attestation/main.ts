/** What attestation costs, kind by kind and for a fleet, and how soon a change is refused. */
import { openHouse } from '@credence/infra/dev/house'
import { printReport } from '../report.ts'
import { measureChange } from './change/main.ts'
import { measureFleet } from './fleet/main.ts'
import { measureKinds } from './kinds/main.ts'
import type { Section } from './section.ts'

export async function benchAttestation(quick: boolean): Promise<void> {
  const kinds = await measureKinds(quick)
  const sections = [kinds, ...(await inHouse(quick))]
  printReport({
    name: 'attestation',
    method: sections.flatMap(({ method }) => method),
    rows: sections.flatMap(({ rows }) => rows),
    figures: Object.assign({}, ...sections.map(({ figures }) => figures)),
  })
}

async function inHouse(quick: boolean): Promise<Section[]> {
  const house = await openHouse()
  try {
    // The fleet last: what is withdrawn would be withdrawn for all of it.
    return [await measureChange(house, house.modelReference, quick), await measureFleet(house, quick)]
  } finally {
    await house.close()
  }
}
