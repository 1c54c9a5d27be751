/** `npm run bench -- <name> [--quick]`: one figure, its method and machine, and one JSON line. */
import { parseArgs } from 'node:util'
import { messageOf } from '@credence/shared/log'
import { benchAttestation } from './attestation/main.ts'
import { benchAttestationFuzz } from './attestation-fuzz/main.ts'
import { benchDecisions } from './decisions/main.ts'
import { benchEngine } from './engine.ts'
import { benchHashing } from './hashing.ts'
import { benchStory } from './story.ts'
import { benchTokenExchange } from './token-exchange.ts'
import { benchWithdrawal } from './withdrawal.ts'

const BENCHES: Record<string, (quick: boolean) => Promise<void>> = {
  story: benchStory,
  decisions: benchDecisions,
  engine: benchEngine,
  hashing: benchHashing,
  'token-exchange': benchTokenExchange,
  attestation: benchAttestation,
  'attestation-fuzz': benchAttestationFuzz,
  withdrawal: benchWithdrawal,
}

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { quick: { type: 'boolean', default: false } },
  })
  const bench = BENCHES[positionals[0] ?? '']
  if (!bench)
    throw new Error(`Name a bench: ${Object.keys(BENCHES).join(', ')}. For example: npm run bench -- story --quick`)
  await bench(values.quick)
  process.exit(0)
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`)
  process.exit(1)
}
