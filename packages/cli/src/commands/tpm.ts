/** TPMs: what to approve of one, enrolling it for the agent beside it, and taking it away. */
import { dirname, resolve } from 'node:path'
import { ATTESTATION_KEY_TYPES, type AttestationKeyType } from '@credence/attester/tpm/attestation-key'
import { ENDORSEMENT_KEY_TYPES, type EndorsementKeyType } from '@credence/attester/tpm/endorsement-key'
import { enrolTpm } from '@credence/attester/tpm/enrol'
import { endorsementDigest, readRegisters } from '@credence/attester/tpm/inspect'
import { PcrBank } from '@credence/contracts/attestation/kinds'
import { openAgentKey } from '@credence/sdk/agent/key-file'
import { connectCredence } from '@credence/sdk/clients'
import { signAgentProof } from '@credence/shared/callers/agent-proof'
import { type Command, Option } from 'commander'
import { z } from 'zod'
import { Usage } from '../failure.ts'
import { say } from '../print.ts'
import { readJson } from '../read-json.ts'
import type { Run } from '../run.ts'

type Options = Record<string, string>

const DEVICE = 'device:/dev/tpmrm0'
const tcti = () => new Option('--tcti <text>', 'how to reach the TPM').default(DEVICE)
const endorsementKeyType = () =>
  new Option('--endorsement-key <type>', 'which endorsement key').choices(ENDORSEMENT_KEY_TYPES).default('rsa2048')

export function addTpmCommands(program: Command, run: Run): void {
  const tpm = program.command('tpm').description('TPMs of the machines that agents run on')
  tpm
    .command('pcrs')
    .description(
      'registers as they are now, as JSON: what to approve, on a machine that is as it should be; needs no server',
    )
    .addOption(tcti())
    .option('--bank <name>', 'sha256 or sha384', 'sha256')
    .option('--pcrs <list>', 'indices, like 0,1,2', '0,1,2,3,4,5,6,7')
    .action(async (options: Options) => {
      const bank = PcrBank.safeParse(options.bank)
      if (!bank.success) throw new Usage('--bank must be sha256 or sha384.')
      const pcrs = indicesIn(options.pcrs ?? '')
      say(JSON.stringify(await readRegisters(options.tcti ?? DEVICE, { bank: bank.data, pcrs }), null, 2))
    })
  tpm
    .command('endorsement-key')
    .description('digest of the endorsement key, for a trust anchor that lists it; needs no server')
    .addOption(tcti())
    .addOption(endorsementKeyType())
    .action(async (options: Options) => {
      say(await endorsementDigest(options.tcti ?? DEVICE, options.endorsementKey as EndorsementKeyType))
    })
  tpm
    .command('enrol <config>')
    .description('enrols the TPM of this machine for the agent of this attester configuration')
    .addOption(endorsementKeyType())
    .option(
      '--endorsement-certificates <pem>',
      'certificate of the endorsement key, and what is above it, when the TPM holds none',
    )
    .addOption(
      new Option('--attestation-key <type>', 'which attestation key to make')
        .choices(Object.keys(ATTESTATION_KEY_TYPES))
        .default('p256-ecdsa-sha256'),
    )
    .action(enrol)
  tpm
    .command('remove <agent>')
    .description('takes its TPM from an agent, for another one to be enrolled')
    .requiredOption('--reason <text>', 'why; it goes into the record')
    .action(
      run('security', async ({ attestation }, [agentId = ''], { reason = '' }) => {
        await attestation.removeTpm({ agentId, reason })
        say('Removed. Its quotes count no more.')
      }),
    )
}

function indicesIn(list: string): number[] {
  const indices = list.split(',').map(Number)
  if (indices.some((index) => !Number.isInteger(index) || index < 0 || index > 23))
    throw new Usage('--pcrs must be indices from 0 to 23, like 0,1,2.')
  return [...new Set(indices)].toSorted((a, b) => a - b)
}

/** What of an attester’s configuration says who the agent is, and where its TPM. */
const Config = z.object({
  agent_id: z.string(),
  spiffe_id: z.string().regex(/^spiffe:\/\/[^/]+\//),
  key_file: z.string(),
  service: z.string(),
  ca_file: z.string(),
  evidence: z.object({ 'tpm2-quote': z.object({ key_folder: z.string(), tcti: z.string().default(DEVICE) }) }),
})

async function enrol(file: string, options: Options): Promise<void> {
  const parsed = Config.safeParse(readJson(file))
  if (!parsed.success)
    throw new Usage(
      `${file} must name agent_id, spiffe_id, key_file, service, ca_file and evidence of kind tpm2-quote.`,
    )
  const { agent_id: agentId, spiffe_id: spiffeId, service: address, evidence } = parsed.data
  const within = (path: string) => resolve(dirname(file), path)
  const key = await openAgentKey(within(parsed.data.key_file))
  const { privateKey, algorithm, thumbprint } = key
  const trustDomain = new URL(spiffeId).host
  const clients = connectCredence({
    trustDomain,
    caFile: within(parsed.data.ca_file),
    addresses: { attestation: address },
    credential: (audience) => async (path, request) => ({
      'agent-proof': await signAgentProof(privateKey, {
        algorithm,
        keyId: thumbprint,
        spiffeId,
        audience,
        path,
        request,
      }),
    }),
  })
  try {
    const { endorsementKey, endorsementCertificates, attestationKey } = options
    const { certified } = await enrolTpm({
      tcti: evidence['tpm2-quote'].tcti,
      folder: within(evidence['tpm2-quote'].key_folder),
      endorsementKey: endorsementKey as EndorsementKeyType,
      ...(endorsementCertificates ? { endorsementCertificates } : {}),
      attestationKey: attestationKey as AttestationKeyType,
      agent: { agentId, spiffeId, keyThumbprint: thumbprint },
      audience: `spiffe://${trustDomain}/service/attestation`,
      service: clients.attestation,
    })
    say(certified ? 'Enrolled. Its manufacturer vouches for the TPM.' : 'Enrolled, as its endorsement key is listed.')
  } finally {
    clients.close()
  }
}
