/** Whose word counts: signers, authorities, manufacturers, clusters, foreign trust domains. */
import { EVIDENCE_KINDS } from '@credence/contracts/attestation/kinds'
import type { TrustAnchor } from '@credence/contracts/gen/credence/attestation/v1/attestation'
import type { Command } from 'commander'
import { toTable, touched } from '../attestation/words.ts'
import { Usage } from '../failure.ts'
import { digestIn, read } from '../measured-parts.ts'
import { harmless, say, toJson } from '../print.ts'
import type { Options, Run } from '../run.ts'

type Material = NonNullable<TrustAnchor['material']>
type Type = {
  name: string
  description: string
  argument: string
  /** Kinds of evidence that it can vouch for; the operator chooses when there are several. */
  kinds: readonly string[]
  options?: [flags: string, description: string, needed?: 'needed'][]
  material: (argument: string, options: Options) => Material
}

const text = (file: string): string => read(file).toString('utf8')
const SIGNED = ['agent-manifest', 'model-signing', 'container-image'] as const
const IDENTITY: [string, string, 'needed'] = [
  '--identity <san...>',
  'who must have signed: URI, e-mail address or DNS name in the certificate',
  'needed',
]

const TYPES: Type[] = [
  {
    name: 'public-key',
    description: 'the public key of a builder, a publisher of models, or a provider of a hosted model',
    argument: '<pem>',
    kinds: SIGNED,
    options: [['--provider <name>', 'it is the key of this provider, whose word about its own models counts']],
    material: (file, { provider = '' }) => ({ $case: 'publicKey', value: { pem: text(file), provider } }),
  },
  {
    name: 'certificate-authority',
    description: 'an authority, for the signers under it that are named',
    argument: '<roots-pem>',
    kinds: SIGNED,
    options: [
      IDENTITY,
      ['--issuer <url>', 'who must have said so (the issuer extension of Fulcio)'],
      ['--intermediates <pem>', 'what stands between roots and signers'],
    ],
    material: (file, options) => ({
      $case: 'certificateAuthority',
      value: {
        pem: text(file),
        intermediatesPem: options.intermediates ? text(options.intermediates) : '',
        identities: identitiesIn(options),
      },
    }),
  },
  {
    name: 'sigstore',
    description: 'a Sigstore instance (public or your own), for the signers that are named',
    argument: '<trusted-root-json>',
    kinds: SIGNED,
    options: [
      IDENTITY,
      ['--issuer <url>', 'who must have said so, like https://token.actions.githubusercontent.com', 'needed'],
    ],
    material: (file, options) => ({
      $case: 'sigstore',
      value: { trustedRoot: text(file), identities: identitiesIn(options) },
    }),
  },
  {
    name: 'tpm-manufacturer',
    description: 'a manufacturer of TPMs, by the roots and intermediates of its endorsement certificates',
    argument: '<pem>',
    kinds: ['tpm2-quote'],
    material: (file) => ({ $case: 'tpmManufacturer', value: { pem: text(file) } }),
  },
  {
    name: 'tpm-endorsement-key',
    description: 'one TPM, by its endorsement key: for TPMs without a certificate',
    argument: '<sha256>',
    kinds: ['tpm2-quote'],
    material: (digest) => ({ $case: 'tpmEndorsementKey', value: { ekDigest: digestIn(digest, 'the digest') } }),
  },
  {
    name: 'kubernetes-cluster',
    description: 'a cluster, by the keys that sign its service-account tokens (kubectl get --raw /openid/v1/jwks)',
    argument: '<jwks-json>',
    kinds: ['kubernetes-sat'],
    options: [
      ['--issuer <url>', 'issuer of its tokens', 'needed'],
      ['--audience <text>', 'audience that a token must name', 'needed'],
    ],
    material: (file, { issuer = '', audience = '' }) => ({
      $case: 'kubernetesCluster',
      value: { issuer, audience, jwks: text(file) },
    }),
  },
  {
    name: 'spiffe-trust-domain',
    description: 'a foreign trust domain, by its bundle (spire-server bundle show -format spiffe)',
    argument: '<bundle-json>',
    kinds: ['spiffe-svid'],
    options: [
      ['--trust-domain <name>', 'its name', 'needed'],
      ['--bundle-endpoint <url>', 'where its newest bundle is had from; the one in the file is kept otherwise'],
    ],
    material: (file, { trustDomain = '', bundleEndpoint = '' }) => ({
      $case: 'spiffeTrustDomain',
      value: { trustDomain, bundle: text(file), bundleEndpoint },
    }),
  },
]

export function addAnchorCommands(program: Command, run: Run): void {
  const anchor = program.command('anchor').description('whose word counts about what agents run on')
  const approve = anchor.command('approve').description('lets the word of somebody count')
  for (const type of TYPES) {
    const command = approve.command(`${type.name} ${type.argument}`).description(type.description)
    for (const [flags, description, needed] of type.options ?? [])
      needed ? command.requiredOption(flags, description) : command.option(flags, description)
    if (type.kinds.length > 1)
      command.requiredOption('--kinds <kind...>', `for which evidence: ${type.kinds.join(', ')}`)
    command
      .requiredOption('--label <text>', 'what to call it, for people; no personal data')
      .option('--blueprints <name...>', 'for agents of these blueprints only; for all otherwise')
      .action(
        run('security', async ({ attestation }, [argument = ''], options) => {
          const { anchorId } = await attestation.approveTrustAnchor({
            anchor: {
              id: '',
              label: options.label ?? '',
              kinds: kindsIn(type, options),
              blueprints: list(options.blueprints),
              material: type.material(argument, options),
              approvedBy: '',
              withdrawn: false,
              withdrawnBy: '',
            },
          })
          say(`Approved as ${anchorId}.`)
        }),
      )
  }
  anchor
    .command('withdraw <id>')
    .description(
      'agents whose result rests on it are refused from the next call on, and suspended until they attest without it',
    )
    .requiredOption('--reason <text>', 'why; it goes into the record')
    .action(
      run('security', async ({ attestation }, [anchorId = ''], { reason = '' }) => {
        const { agents } = await attestation.withdrawTrustAnchor({ anchorId, reason })
        say(`Withdrawn. ${touched(agents, 'suspended')}`)
      }),
    )
  anchor
    .command('list')
    .description('all of them')
    .option('--withdrawn', 'withdrawn ones too')
    .option('--json', 'as JSON, with keys and bundles')
    .action(
      run('security', async ({ attestation }, _args, { withdrawn, json }) => {
        const found: TrustAnchor[] = []
        let pageToken = ''
        do {
          const page = await attestation.listTrustAnchors({ withdrawn: Boolean(withdrawn), pageSize: 50, pageToken })
          found.push(...page.anchors)
          pageToken = page.nextPageToken
        } while (pageToken)
        if (json) return say(toJson(found))
        if (found.length === 0) return say('There is none: what agents say of themselves is all that can count.')
        say(toTable(['id', 'type', 'kinds', 'blueprints', 'label', 'approved by'], found.map(rowOf)))
      }),
    )
}

/** Commander gives lists as arrays. */
const list = (option: string | string[] | undefined): string[] => [option ?? []].flat()

const identitiesIn = ({ identity, issuer = '' }: Options) => list(identity).map((san) => ({ san, issuer }))

function kindsIn({ kinds, name }: Type, options: Options): string[] {
  if (kinds.length === 1) return [...kinds]
  const chosen = list(options.kinds)
  const wrong = chosen.find((kind) => !kinds.includes(kind))
  if (wrong === undefined) return chosen
  const known = EVIDENCE_KINDS.some((kind) => kind === wrong)
  throw new Usage(
    `--kinds ${wrong}: ${known ? `a ${name} does not vouch for it` : 'there is no such kind'}; choose from ${kinds.join(', ')}.`,
  )
}

function rowOf({ id, label, kinds, blueprints, material, approvedBy, withdrawn, withdrawnBy }: TrustAnchor): string[] {
  const type = (material?.$case ?? '').replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  const by = withdrawn ? `${approvedBy}; withdrawn by ${withdrawnBy}` : approvedBy
  return [id, type, kinds.join(' '), blueprints.join(' ') || 'all', harmless(label), by]
}
